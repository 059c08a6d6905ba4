import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DIFFERENCES } from './differences.ts';
import type { Outcome, Row } from './differences.ts';
import { GO_VERSIONS, parseQuery, parseRequestUri } from './kernel/go-reading.ts';
import { addUser, startGateway } from './support/gateway-process.ts';
import type { GatewayProcess } from './support/gateway-process.ts';
import { findKapacitor, startKapacitor } from './support/kapacitor.ts';
import { answerAsKapacitor } from './support/kapacitor-stand-in.ts';
import { exchange } from './support/raw-client.ts';
import type { RawResponse } from './support/raw-client.ts';
import { startRecordingUpstream } from './support/recording-upstream.ts';
import type { RecordedRequest, RecordingUpstream } from './support/recording-upstream.ts';
import {
  readCredentialRows,
  readDecisions,
  recordedBody,
  recordedRequest,
} from './support/recordings.ts';
import { readSends } from './support/sends.ts';
import { createTempDir } from './support/temp-dir.ts';
import type { TempDir } from './support/temp-dir.ts';

/** Longer than the one of the recordings, which is below the least length that the gateway takes. */
const SECRET = 's3cret-of-32-bytes-for-the-tests';
const AT_ONCE = 8;
const TIMEOUT_MS = 120_000;

const decisions: readonly Row[] = readDecisions().map((row) => {
  const basic = row.user === null ? [] : [`Authorization: ${basicOf(row.user)}`];
  return { ...row, name: row.user ?? 'nobody', headers: basic };
});

const credentials: readonly Row[] = readCredentialRows().map((row) => {
  const { headers, query } = readSends(row.sends, SECRET, Date.now());
  const target = query === '' ? row.target : `${row.target}?${query}`;
  return { ...row, name: row.case, user: 'u_api', permissions: ['api'], target, headers };
});

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

describe('the gateway before a stand-in for Kapacitor', () => {
  let upstream: RecordingUpstream;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    upstream = await startRecordingUpstream(answerAsKapacitor);
    gateway = await start(`${dir.path}/stand-in`, upstream.url);
  }, TIMEOUT_MS);

  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  test(
    'each recorded decision is answered as recorded, or by a named difference',
    async () => {
      const tally = await playAll(gateway, upstream, decisions);
      expect(tally).toEqual({
        'as recorded': 948,
        'what can be read in two ways is refused': 144,
        'the users API is for admins only': 40,
        'write_points and all write points': 20,
      });
    },
    TIMEOUT_MS,
  );

  test(
    'each recorded way to send credentials is answered as recorded, or by a named difference',
    async () => {
      const tally = await playAll(gateway, upstream, credentials);
      expect(tally).toEqual({
        'as recorded': 84,
        'what can be read in two ways is refused': 8,
        'a token for an unknown user tells nothing of the store': 2,
      });
    },
    TIMEOUT_MS,
  );
});

describe('the gateway before a kapacitord', () => {
  const kapacitor = findKapacitor('the recordings are played before the stand-in only');
  const testWithKapacitor = kapacitor === undefined ? test.skip : test;

  testWithKapacitor(
    'each recorded decision has the status that was recorded, or that of a named difference',
    async () => {
      if (kapacitor === undefined) return;
      const upstream = await startKapacitor(kapacitor);
      const gateway = await start(`${dir.path}/kapacitord`, upstream.url);
      try {
        const played = await inParallel(decisions, async (row, index) => ({
          row: shown(row),
          status: (await play(gateway.port, row, index)).status,
        }));
        expect(played).toEqual(
          decisions.map((row) => ({ row: shown(row), status: wantedOf(row).outcome.status })),
        );
      } finally {
        await gateway.stop();
        await upstream.stop();
      }
    },
    TIMEOUT_MS,
  );
});

/** A gateway with the users of the recordings. */
async function start(path: string, upstream: string): Promise<GatewayProcess> {
  const gateway = await startGateway({
    dir: path,
    upstream,
    settings: { http: { 'shared-secret': JSON.stringify(SECRET) }, log: { level: '"warn"' } },
  });
  const users = new Map(readDecisions().map((row) => [row.user, row]));
  for (const { user: name, type, permissions = [] } of users.values()) {
    if (name === null) continue;
    const admin = type === 'admin';
    await addUser(gateway.configFile, { name, password: passwordOf(name), admin, permissions });
  }
  return gateway;
}

/** Plays rows, compares each answer and what reached the upstream, and counts by what they matched. */
async function playAll(
  gateway: GatewayProcess,
  upstream: RecordingUpstream,
  rows: readonly Row[],
): Promise<Readonly<Record<string, number>>> {
  upstream.clear();
  const answers = await inParallel(rows, (row, index) => play(gateway.port, row, index));
  const tally: Record<string, number> = {};
  const wrong: unknown[] = [];
  for (const [index, row] of rows.entries()) {
    const answer = answers[index];
    if (answer === undefined) throw new Error('BUG: a row without an answer');
    const { difference, outcome } = wantedOf(row);
    const arrived = upstream.requests.filter((request) => rowOf(request) === index);
    const faults = [...faultsOfAnswer(answer, outcome), ...faultsOfArrival(row, outcome, arrived)];
    if (faults.length > 0) wrong.push({ row: shown(row), difference, faults });
    else tally[difference] = (tally[difference] ?? 0) + 1;
  }
  expect(wrong).toEqual([]);
  console.log(`${rows.length} rows: ${JSON.stringify(tally)}`);
  return tally;
}

/** What is expected of a row: what was recorded, but where a difference applies. */
function wantedOf(row: Row): { readonly difference: string; readonly outcome: Outcome } {
  const difference = DIFFERENCES.find(({ applies }) => applies(row));
  if (difference !== undefined) {
    return { difference: difference.name, outcome: difference.expected(row) };
  }
  const { status, location, body } = row;
  return {
    difference: 'as recorded',
    outcome: { status, location, body, isForwarded: isForwardedAsRecorded(row) },
  };
}

/** OPTIONS, redirects, refusals and users are answered by the gateway; all else is Kapacitor's. */
function isForwardedAsRecorded({ method, target, status }: Row): boolean {
  if (method === 'OPTIONS' || status === 301 || status === 401 || status === 403) return false;
  return !/^\/kapacitor\/v1(?:preview)?\/users(?:$|[/?])/.test(target);
}

function faultsOfAnswer(answer: RawResponse, want: Outcome): readonly string[] {
  const faults: string[] = [];
  const body = answer.body.toString();
  const location = answer.header('location') ?? null;
  const challenge = answer.header('www-authenticate');
  if (answer.status !== want.status) faults.push(`status ${answer.status}, not ${want.status}`);
  if (location !== want.location) faults.push(`Location ${location}, not ${want.location}`);
  if (want.body !== undefined && body.slice(0, 400) !== want.body) {
    faults.push(`body ${JSON.stringify(body)}, not ${JSON.stringify(want.body)}`);
  }
  if (want.words !== undefined && !want.words.test(body)) {
    faults.push(`body ${JSON.stringify(body)}, not like ${String(want.words)}`);
  }
  const wantedChallenge =
    answer.status === 401 ? 'Basic realm="Kapacitor", charset="UTF-8"' : undefined;
  if (challenge !== wantedChallenge) faults.push(`WWW-Authenticate ${challenge}`);
  return faults;
}

/** An allowed request arrives once, as it was judged and without credentials; a refused one never. */
function faultsOfArrival(
  row: Row,
  want: Outcome,
  arrived: readonly RecordedRequest[],
): readonly string[] {
  const count = want.isForwarded ? 1 : 0;
  if (arrived.length !== count) return [`arrived ${arrived.length} times, not ${count}`];
  return arrived.flatMap((request) => {
    const faults: string[] = [];
    if (request.method !== row.method) faults.push(`arrived as ${request.method}`);
    if (readingOf(request.target) !== readingOf(row.target)) {
      faults.push(`arrived as ${request.target}`);
    }
    if (request.body.toString() !== recordedBody(row.method, row.target)) {
      faults.push(`arrived with the body ${JSON.stringify(request.body.toString())}`);
    }
    const names = request.headers.map(([name]) => name.toLowerCase());
    if (names.includes('authorization')) faults.push('arrived with its credentials');
    return faults;
  });
}

/** What Kapacitor reads in a target, in both its ways to split a query; `u` and `p` are nothing to it. */
function readingOf(target: string): string {
  const url = parseRequestUri(Buffer.from(target));
  if (url === undefined) return 'refused';
  const queries = GO_VERSIONS.map((version) =>
    parseQuery(url.rawQuery, version)
      .map((pair) => pair.map((bytes) => bytes.toString('hex')).join('='))
      .filter((pair) => !/^7[50]=/.test(pair)),
  );
  return JSON.stringify([url.path.toString('hex'), queries]);
}

function play(port: number, row: Row, index: number): Promise<RawResponse> {
  return exchange(port, recordedRequest(row, [...row.headers, `X-Row: ${index}`]));
}

function rowOf(request: RecordedRequest): number {
  return Number(request.headers.find(([name]) => name.toLowerCase() === 'x-row')?.[1]);
}

function shown(row: Row): string {
  return `${row.name}: ${row.method} ${row.target}`;
}

function basicOf(name: string): string {
  return `Basic ${Buffer.from(`${name}:${passwordOf(name)}`).toString('base64')}`;
}

function passwordOf(name: string): string {
  return name === 'admin' ? 'pw' : `pw-${name}`;
}

/** Runs `work` on every row, a few at once; the results in the order of the rows. */
async function inParallel<Result>(
  rows: readonly Row[],
  work: (row: Row, index: number) => Promise<Result>,
): Promise<readonly Result[]> {
  const results = new Array<Result>(rows.length);
  const waiting = rows.entries();
  const worker = async (): Promise<void> => {
    for (const [index, row] of waiting) results[index] = await work(row, index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return results;
}
