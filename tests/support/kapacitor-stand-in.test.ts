import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { answerAsKapacitor } from './kapacitor-stand-in.ts';
import { findKapacitor, startKapacitor } from './kapacitor.ts';
import { exchange } from './raw-client.ts';
import type { RawResponse } from './raw-client.ts';
import { startRecordingUpstream } from './recording-upstream.ts';
import type { RecordingUpstream } from './recording-upstream.ts';
import { readDecisions, recordedRequest } from './recordings.ts';

const kapacitor = findKapacitor('the stand-in is not compared with it');
const testWithKapacitor = kapacitor === undefined ? test.skip : test;

let standIn: RecordingUpstream;

beforeAll(async () => {
  standIn = await startRecordingUpstream(answerAsKapacitor);
});

afterAll(() => standIn.stop());

interface Played {
  readonly method: string;
  readonly target: string;
}

/** What admin was answered: everything passed Kapacitor's own authentication. Users are not the stand-in's. */
const ALLOWED = readDecisions().filter(
  ({ user, target }) => user === 'admin' && !/\/users/.test(target),
);

/** Routes and misses of which no row was recorded. */
const MORE: readonly Played[] = [
  ...['tasks', 'templates', 'recordings', 'replays', 'service-tests', 'alerts/topics'].flatMap(
    (name) =>
      ['', '/', '/nope', '/nope/x'].flatMap((tail) =>
        ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'].map((method) => ({
          method,
          target: `/kapacitor/v1/${name}${tail}`,
        })),
      ),
  ),
  ...(
    [
      ['GET', '/kapacitor/v1/config/'],
      ['GET', '/kapacitor/v1/config/nope'],
      ['GET', '/kapacitor/v1/config/slack'],
      ['POST', '/kapacitor/v1/config/nope'],
      ['GET', '/kapacitor/v1/service-tests/slack'],
      ['GET', '/kapacitor/v1/alerts/topics/nope/events'],
      ['PUT', '/kapacitor/v1/alerts/topics/nope/handlers/x'],
      ['POST', '/kapacitor/v1/recordings/query'],
      ['POST', '/kapacitor/v1/replays/batch'],
      ['POST', '/kapacitor/v1/subscriptions'],
      ['POST', '/kapacitor/v1/sideload/reload'],
      ['POST', '/kapacitor/v1/loglevel'],
      ['GET', '/kapacitor/v1/storage'],
      ['GET', '/kapacitor/v1/storage/backup'],
      ['POST', '/kapacitor/v1/storage/stores'],
      ['POST', '/kapacitor/v1/storage/stores/tasks'],
      ['POST', '/kapacitor/v1/storage/x'],
      ['GET', '/kapacitor/v1/debug/vars'],
      ['GET', '/kapacitor/v1/debug/pprof'],
      ['GET', '/kapacitor/v1/debug/pprof/cmdline'],
      ['GET', '/kapacitor/v1/logs'],
      ['GET', '/kapacitor/v1preview/'],
      ['GET', '/kapacitor/v1previewx/ping'],
      ['HEAD', '/kapacitor/v1preview/ping'],
      ['POST', '/query'],
      ['POST', '/write/'],
      ['POST', '/write?db='],
      ['GET', '/x/%zz'],
      ['TRACE', '/kapacitor/v1/ping'],
      ['OPTIONS', '/kapacitor/v1/x'],
    ] as const
  ).map(([method, target]) => ({ method, target })),
];

function play(port: number, row: Played): Promise<RawResponse> {
  return exchange(port, recordedRequest(row, []));
}

/** Status, place, and Kapacitor's words: before 1.6 its errors had no second spelling of them. */
function outcome(row: Played, response: RawResponse): unknown {
  const text = response.body.toString();
  const isJson = text.startsWith('{') && response.status >= 400;
  const words = isJson ? (JSON.parse(text) as { readonly error: string }).error : text;
  return {
    request: `${row.method} ${row.target}`,
    status: response.status,
    location: response.header('location'),
    words: response.status >= 400 ? words : '',
  };
}

describe('answerAsKapacitor', () => {
  test('an allowed request is answered as it was recorded', async () => {
    for (const row of ALLOWED) {
      const response = await play(standIn.port, row);
      expect(`${row.target}: ${response.status}`).toBe(`${row.target}: ${row.status}`);
      expect(response.header('location') ?? null).toBe(row.location);
      if (row.body !== undefined) expect(response.body.toString()).toBe(row.body);
    }
    expect(ALLOWED.length).toBeGreaterThan(80);
  });

  testWithKapacitor('a kapacitord answers the same to every route and miss', async () => {
    if (kapacitor === undefined) return;
    const real = await startKapacitor(kapacitor);
    try {
      const [expected, actual]: [unknown[], unknown[]] = [[], []];
      for (const row of [...ALLOWED, ...MORE]) {
        expected.push(outcome(row, await play(real.port, row)));
        actual.push(outcome(row, await play(standIn.port, row)));
      }
      expect(actual).toEqual(expected);
    } finally {
      await real.stop();
    }
  });
});
