import { Counter, Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { histogramText } from './histogram.ts';
import type { Meters } from './meters.ts';
import { LANES, counters, gauges } from './metric-families.ts';
import type { Family, MetricSources } from './metric-families.ts';

/** All metrics in Prometheus' text format. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Nothing is given to prom-client but when somebody asks: requests count in `meters`. */
export function createMetrics(sources: MetricSources): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const family of counters(sources)) addFamily(registry, family, Counter);
  for (const family of gauges(sources)) addFamily(registry, family, Gauge);
  const { meters } = sources;
  return {
    contentType: registry.contentType,
    text: async () => `${await registry.metrics()}\n${histogramsOf(meters)}`,
  };
}

interface Metric {
  reset(): void;
  inc(labels: Readonly<Record<string, string>>, value: number): void;
}

type MetricClass = new (configuration: {
  name: string;
  help: string;
  labelNames: string[];
  registers: Registry[];
  collect(this: Metric): void;
}) => unknown;

function addFamily(registry: Registry, family: Family, Kind: MetricClass): void {
  new Kind({
    name: family.name,
    help: family.help,
    labelNames: [...(family.labels ?? [])],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of family.counts()) this.inc(labels, value);
    },
  });
}

function histogramsOf({ upstream, passwords }: Meters): string {
  return [
    histogramText(
      'kapgate_upstream_seconds',
      'From sending a request to Kapacitor to the head of its answer, by lane.',
      'lane',
      LANES.map((lane) => [lane, upstream[lane]]),
    ),
    histogramText(
      'kapgate_password_seconds',
      'How long each password waited to be compared or hashed, and how long that took.',
      'phase',
      [
        ['waiting', passwords.waited],
        ['working', passwords.worked],
      ],
    ),
  ].join('\n');
}
