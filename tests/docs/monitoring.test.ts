import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { Meters } from '../../src/observe/meters.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { ROOT, read } from './tree.ts';

const RULES = 'docs/prometheus-rules.yml';
const DASHBOARD = 'docs/grafana-dashboard.json';
const TICKSCRIPT = 'docs/kapgate.tick';

const DASHBOARD_JSON = z.object({
  panels: z.array(z.object({ targets: z.array(z.object({ expr: z.string() })).optional() })),
});

const { panels } = DASHBOARD_JSON.parse(JSON.parse(read(DASHBOARD)));
const queries = panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
if (!hasPromtool) process.stderr.write('skipped: no promtool (alert rules and dashboard)\n');
const withPromtool = hasPromtool ? test : test.skip;

let dir: TempDir;
let names: ReadonlySet<string>;

beforeAll(async () => {
  dir = await createTempDir();
  names = await metricNames();
});
afterAll(() => dir.remove());

/** The names under which the gateway's metrics are printed. */
async function metricNames(): Promise<ReadonlySet<string>> {
  const idle = { inUse: 0, waiting: 0 };
  const metrics = createMetrics({
    version: '1.2.3',
    counted: () => ({
      meters: new Meters(),
      figures: {
        lanes: { writes: idle, api: idle, streams: idle },
        passwords: { running: 0, waiting: 0 },
        meta: undefined,
      },
      auditDropped: 0,
    }),
    isOpen: () => false,
    reloadFailed: () => false,
  });
  const text = await metrics.text();
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name));
}

/** Names of ours and of the process that a text speaks of; the parts of a histogram are the histogram. */
function mentioned(text: string): readonly string[] {
  const found = text.match(/\b(?:kapgate|nodejs|process)_[a-z0-9_]+/g) ?? [];
  return [...new Set(found.map((name) => name.replace(/_(?:bucket|sum|count)$/, '')))];
}

function promtool(...args: string[]): string {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' });
  return status === 0 ? 'ok' : `${stdout}${stderr}`;
}

describe('what is given to monitor the gateway with', () => {
  test.each([RULES, DASHBOARD, TICKSCRIPT])('%s speaks of metrics that there are', (path) => {
    const used = mentioned(read(path));
    expect(used.length).toBeGreaterThan(5);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  test('the dashboard shows every metric of the gateway', () => {
    const shown = new Set(mentioned(read(DASHBOARD)));
    const left = [...names].filter((name) => name.startsWith('kapgate_') && !shown.has(name));
    expect(left).toEqual([]);
  });

  withPromtool('promtool takes the rules', () => {
    expect(promtool('check', 'rules', join(ROOT, RULES))).toBe('ok');
  });

  withPromtool(
    'each alert is raised by its fault, and none by a gateway that is well',
    async () => {
      const file = join(dir.path, 'rules.test.yml');
      const text = read('tests/docs/prometheus-rules.test.yml');
      await writeFile(file, text.replace('RULES', JSON.stringify(join(ROOT, RULES))));
      const named = read(RULES)
        .match(/alert: \w+/g)
        ?.map((line) => line.slice('alert: '.length));
      expect(named?.filter((name) => !text.includes(name))).toEqual([]);
      expect(promtool('test', 'rules', file)).toBe('ok');
    },
  );

  withPromtool('promtool takes each query of the dashboard', async () => {
    const file = join(dir.path, 'dashboard.json');
    const rules = queries.map((expr, index) => ({
      record: `panel_${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    expect(rules.length).toBeGreaterThan(20);
    await writeFile(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
    expect(promtool('check', 'rules', file)).toBe('ok');
  });
});
