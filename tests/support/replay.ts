import { expect } from '@jest/globals';
import { wantedOf } from '../differences.ts';
import type { Outcome, Row } from '../differences.ts';
import { GO_VERSIONS, parseQuery, parseRequestUri } from '../kernel/go-reading.ts';
import { exchange } from './raw-client.ts';
import type { RawResponse } from './raw-client.ts';
import type { RecordedRequest, RecordingUpstream } from './recording-upstream.ts';
import { recordedBody, recordedRequest } from './recordings.ts';

const AT_ONCE = 8;

/** Plays rows, compares each answer and what reached the upstream, and counts by what they matched. */
export async function playAll(
  gateway: { readonly port: number },
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

/** Plays one row, on a connection of its own. */
export function play(port: number, row: Row, index: number): Promise<RawResponse> {
  return exchange(port, recordedRequest(row, [...row.headers, `X-Row: ${index}`]));
}

function rowOf(request: RecordedRequest): number {
  return Number(request.headers.find(([name]) => name.toLowerCase() === 'x-row')?.[1]);
}

/** A row in words. */
export function shown(row: Row): string {
  return `${row.name}: ${row.method} ${row.target}`;
}

/** Runs `work` on every row, a few at once; the results in the order of the rows. */
export async function inParallel<Result>(
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
