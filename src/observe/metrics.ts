import type { Registry } from 'prom-client';
import { histogramText } from './histogram.ts';
import type { Meters } from './meters.ts';
import { COUNTERS, LANES, gauges } from './metric-families.ts';
import type { Counted, Family, MetricSources } from './metric-families.ts';

/** All metrics in Prometheus' text format. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
}

/** Node's own metrics of this process, as prom-client adds them up. */
export interface ProcessMetrics {
  own(): Promise<readonly object[]>;
  /** Those of this process and of others. */
  together(others: readonly (readonly object[])[]): Promise<string>;
}

/** A tenth of what a start takes: it is loaded when somebody asks. */
const load = () => import('prom-client');

/** Processor time, memory, the event loop: from the first question on. */
export function createProcessMetrics(): ProcessMetrics {
  let opened: Promise<Registry> | undefined;
  const open = async (): Promise<Registry> => {
    const { Registry, collectDefaultMetrics } = await load();
    const registry = new Registry();
    collectDefaultMetrics({ register: registry });
    return registry;
  };
  const registryOf = (): Promise<Registry> => (opened ??= open());
  const own = async (): Promise<object[]> => (await registryOf()).getMetricsAsJSON();
  return {
    own,
    together: async (others) => {
      const registry = await registryOf();
      if (others.length === 0) return registry.metrics();
      const { AggregatorRegistry } = await load();
      const all = AggregatorRegistry.aggregate([await own(), ...others.map((each) => [...each])]);
      // Of all together there is none: it is that of the process that started the others.
      const started = await registry.getSingleMetricAsString(STARTED);
      return `${await all.metrics()}${started}\n`;
    },
  };
}

const STARTED = 'process_start_time_seconds';
/** Of Prometheus' text format, in which all of it is written. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Nothing is given to prom-client but when somebody asks: requests count in `meters`. */
export function createMetrics(sources: MetricSources): Metrics {
  const ofProcess = createProcessMetrics();
  return {
    contentType: CONTENT_TYPE,
    text: async () => {
      const { Counter, Gauge, Registry } = await load();
      const counted = await sources.counted();
      const families = new Registry();
      for (const family of COUNTERS) addFamily(families, family, Counter, counted);
      for (const family of gauges(sources)) addFamily(families, family, Gauge, counted);
      return [
        await ofProcess.together(counted.others ?? []),
        await families.metrics(),
        histogramsOf(counted.meters),
      ].join('\n');
    },
  };
}

type MetricClass = new (configuration: {
  name: string;
  help: string;
  labelNames: string[];
  registers: Registry[];
}) => { inc(labels: Readonly<Record<string, string>>, value: number): void };

function addFamily(registry: Registry, family: Family, Kind: MetricClass, counted: Counted): void {
  const metric = new Kind({
    name: family.name,
    help: family.help,
    labelNames: [...(family.labels ?? [])],
    registers: [registry],
  });
  for (const { labels, value } of family.counts(counted)) metric.inc(labels, value);
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
