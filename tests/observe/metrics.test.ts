import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import type { Judgement } from '../../src/kernel/exchange.ts';
import { readTarget } from '../../src/kernel/target.ts';
import { createMetrics } from '../../src/observe/metrics.ts';
import type { Metrics } from '../../src/observe/metrics.ts';
import type { Figures, MetaFigures } from '../../src/observe/figures.ts';
import { sumMeta } from '../../src/observe/figures.ts';
import { Meters } from '../../src/observe/meters.ts';
import { familyOf } from '../../src/observe/route-family.ts';

const IDLE = { inUse: 0, waiting: 0 };
const FIGURES: Figures = {
  lanes: { writes: { inUse: 3, waiting: 2 }, api: IDLE, streams: { inUse: 1, waiting: 0 } },
  passwords: { running: 3, waiting: 17 },
  meta: undefined,
};

let meters: Meters;
let figures: Figures;
let metrics: Metrics;

beforeEach(() => {
  meters = new Meters();
  figures = FIGURES;
  metrics = createMetrics({
    version: '1.2.3',
    counted: () => ({ meters, figures, auditDropped: 7 }),
    isOpen: () => true,
    reloadFailed: () => false,
  });
});

afterEach(() => {
  figures = FIGURES;
});

function targetOf(method: string, path: string) {
  const reading = readTarget(method, path);
  return reading.kind === 'target' ? reading.target : undefined;
}

/** The lines of our own metrics, without their comments. */
async function series(): Promise<readonly string[]> {
  const lines = (await metrics.text()).split('\n');
  return lines.filter((line) => line.startsWith('kapgate_'));
}

const UNJUDGED = {
  judgement: 'unjudged',
  failure: undefined,
  wouldBe: undefined,
  presented: 'none',
  identity: undefined,
} as const;

describe('createMetrics', () => {
  test('a request is counted by verdict, status, privilege and route', async () => {
    const target = targetOf('POST', '/write?db=x');
    const exchange = {
      ...UNJUDGED,
      target,
      judgement: 'unauthorized',
      failure: 'unauthorized',
    } as const;
    meters.note(exchange, 401, 'write');
    meters.note(exchange, 401, 'write');
    expect(await series()).toEqual(
      expect.arrayContaining([
        'kapgate_requests_total{verdict="unauthorized",status="4xx",privilege="write",route="write"} 2',
        'kapgate_logins_total{credentials="none",outcome="refused"} 2',
        'kapgate_failures_total{code="unauthorized"} 2',
        'kapgate_bare_writes_refused_total 2',
      ]),
    );
  });

  // A record, so that none can be forgotten.
  const judgements: Readonly<Record<Judgement, true>> = {
    unread: true,
    unjudged: true,
    unknown: true,
    'cross-site': true,
    throttled: true,
    unauthorized: true,
    forbidden: true,
    allowed: true,
  };
  test.each(Object.keys(judgements) as Judgement[])(
    'the verdict %s is counted',
    async (verdict) => {
      meters.note({ ...UNJUDGED, target: undefined, judgement: verdict }, 403, 'write');
      const counted = (await series()).filter((line) => line.startsWith('kapgate_requests_total'));
      expect(counted).toEqual([
        `kapgate_requests_total{verdict="${verdict}",status="4xx",privilege="write",route="unread"} 1`,
      ]);
    },
  );

  test('asking twice counts nothing twice', async () => {
    meters.note({ ...UNJUDGED, target: targetOf('GET', '/kapacitor/v1/tasks') }, 200, 'read');
    await series();
    expect(await series()).toContain(
      'kapgate_requests_total{verdict="unjudged",status="2xx",privilege="read",route="tasks"} 1',
    );
  });

  test('what is looked up is told as it is', async () => {
    expect(await series()).toEqual(
      expect.arrayContaining([
        'kapgate_build_info{version="1.2.3"} 1',
        'kapgate_gate_open 1',
        'kapgate_reload_failed 0',
        'kapgate_audit_lines_dropped_total 7',
        'kapgate_upstream_connections_in_use{lane="writes"} 3',
        'kapgate_upstream_requests_waiting{lane="writes"} 2',
        'kapgate_log_streams_open 1',
        'kapgate_passwords_running 3',
        'kapgate_passwords_waiting 17',
      ]),
    );
    expect((await series()).filter((line) => line.includes('node='))).toEqual([]);
  });

  test('each meta node has its calls, errors and breaker', async () => {
    const node = { node: 'http://meta1:8091', resting: true, attempts: 9, failures: 4 };
    figures = { ...FIGURES, meta: { isOut: true, outages: 2, wentOn: 5, nodes: [node] } };
    expect(await series()).toEqual(
      expect.arrayContaining([
        'kapgate_meta_calls_total{node="http://meta1:8091"} 9',
        'kapgate_meta_errors_total{node="http://meta1:8091"} 4',
        'kapgate_meta_node_resting{node="http://meta1:8091"} 1',
        'kapgate_meta_out 1',
        'kapgate_meta_outages_total 2',
        'kapgate_meta_stale_logins_total 5',
      ]),
    );
  });

  test('times fall into the buckets that they fit, each bucket holding those below it', async () => {
    meters.noteUpstream('api', 1);
    meters.noteUpstream('api', 60_000);
    const own = (await series()).filter(
      (line) => line.includes('upstream_seconds') && line.includes('"api"'),
    );
    expect(own).toEqual(
      expect.arrayContaining([
        'kapgate_upstream_seconds_bucket{lane="api",le="0.001"} 1',
        'kapgate_upstream_seconds_bucket{lane="api",le="30"} 1',
        'kapgate_upstream_seconds_bucket{lane="api",le="+Inf"} 2',
        'kapgate_upstream_seconds_sum{lane="api"} 60.001',
        'kapgate_upstream_seconds_count{lane="api"} 2',
      ]),
    );
  });

  test('every line has the form that Prometheus reads, and metrics of the process are there', async () => {
    const text = await metrics.text();
    const line = /^(#.*|[a-zA-Z_:][\w:]*(\{(\w+="[^"\\]*",?)*\})? (Na[Nn]|[+-]?Inf|-?[\d.e+-]+))?$/;
    for (const each of text.split('\n')) expect(each).toMatch(line);
    expect(text).toMatch(/^process_resident_memory_bytes \d+$/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_p99_seconds /m);
    expect(text.endsWith('\n')).toBe(true);
  });

  test('ten thousand odd methods, paths and statuses make no more series than the lists have', async () => {
    const methods = ['GET', 'POST', 'DELETE', 'HEAD', 'BREW'];
    for (let index = 0; index < 10_000; index++) {
      const method = methods[index % methods.length] ?? 'GET';
      const path = `/kapacitor/v1/${String.fromCodePoint(97 + (index % 26))}${index}/tasks/${index}?x=${index}`;
      const target = targetOf(method, encodeURI(path));
      meters.note({ ...UNJUDGED, target }, 100 + (index % 900), undefined);
      meters.noteUnread(index);
    }
    const requests = (await series()).filter((line) => line.startsWith('kapgate_requests_total'));
    // other and unread, under two verdicts, of six statuses each.
    expect(requests.length).toBeLessThanOrEqual(24);
    expect(requests.length).toBeGreaterThan(6);
  });
});

describe('familyOf', () => {
  test.each([
    ['POST', '/write', 'write'],
    ['POST', '/kapacitor/v1preview/write', 'write'],
    ['GET', '/kapacitor/v1/ping', 'ping'],
    ['PATCH', '/kapacitor/v1/tasks/cpu', 'tasks'],
    ['GET', '/kapacitor/v1preview/alerts/topics', 'alerts'],
    ['GET', '/kapacitor/v1preview/logs', 'logs'],
    ['GET', '/kapacitor/v1/users/ann', 'users'],
    ['GET', '/kapacitor/v1/users', 'users'],
    ['GET', '/kapacitor/v1', 'other'],
    ['GET', '/kapacitor/v10/tasks', 'other'],
    ['GET', '/kapacitor/v1tasks', 'other'],
    ['GET', '/kapacitor/v1/tasksx', 'other'],
    ['GET', '/kapacitor/v1/__proto__', 'other'],
    ['GET', '/', 'other'],
  ])('%s %s is of %s', (method, path, family) => {
    expect(familyOf(targetOf(method, path))).toBe(family);
  });

  test('what has no target is unread', () => {
    expect(familyOf(undefined)).toBe('unread');
  });
});

describe('sumMeta', () => {
  const node = { node: 'http://a:1', resting: true, attempts: 3, failures: 2 };
  const ended: MetaFigures = { isOut: true, outages: 1, wentOn: 4, nodes: [node] };

  test('counts of ended configurations are added, their states are not', () => {
    const newest = {
      ...ended,
      isOut: false,
      nodes: [{ ...node, resting: false, attempts: 1, failures: 0 }],
    };
    expect(sumMeta(newest, [ended])).toEqual({
      isOut: false,
      outages: 2,
      wentOn: 8,
      nodes: [{ ...node, resting: false, attempts: 4, failures: 2 }],
    });
    expect(sumMeta(undefined, [ended])).toMatchObject({
      isOut: false,
      nodes: [{ ...node, resting: false }],
    });
  });

  test('there are none where there never were meta nodes', () => {
    expect(sumMeta(undefined, [])).toBeUndefined();
  });
});
