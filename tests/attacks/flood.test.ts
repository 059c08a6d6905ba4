import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import bcrypt from 'bcrypt';
import { availableParallelism } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const GUESSERS = 200;
const MAX_WAITING = 128;
const MAX_AT_ONCE = Math.min(3, Math.max(1, availableParallelism() - 1));
const COST = 11;
/** On the event loop the guesses would take as long as all of their hashes together. */
const MAX_HASHES = GUESSERS / 10;
/** The machine may have other work. */
const SOON_MS = 120_000;

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let guessers: RawConnection[];

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

beforeEach(async () => {
  guessers = [];
  // The throttle, which would end it at once, is off: this is about what stands behind it.
  const env = { KAPGATE_AUTH_BCRYPT_COST: String(COST) };
  gateway = await openGateway({ upstream: upstream.url, env });
});

afterEach(async () => {
  for (const each of guessers) each.socket.resetAndDestroy();
  await gateway.stop();
  upstream.clear();
});

afterAll(() => upstream.stop());

async function flood(): Promise<void> {
  guessers = await Promise.all(
    Array.from({ length: GUESSERS }, () => openRawConnection(gateway.port)),
  );
  guessers.forEach((each, index) => {
    const guess = Buffer.from(`admin:guess-${index}`).toString('base64');
    each.send(requestText('GET', TASKS, [`Authorization: Basic ${guess}`]));
  });
}

function answers(status: number): number {
  const line = `HTTP/1.1 ${status} `;
  return guessers.filter(({ pending }) => pending.toString('latin1').startsWith(line)).length;
}

/** In milliseconds, on this machine as busy as it is. */
function timeOfHash(): number {
  const startedMs = performance.now();
  bcrypt.hashSync('guess', COST);
  return performance.now() - startedMs;
}

async function login(name: 'ann' | 'ben' | 'reader', localAddress = '127.0.0.1'): Promise<number> {
  const request = requestText('GET', TASKS, [as(name)]);
  const { status } = await exchange(gateway.port, request, { localAddress, timeoutMs: SOON_MS });
  return status;
}

describe('200 connections that send wrong passwords at the same time', () => {
  test('stop nobody who is remembered, and not the event loop', async () => {
    expect(await login('ann')).toBe(204);
    const hashMs = timeOfHash();
    const loop = monitorEventLoopDelay({ resolution: 5 });
    loop.enable();
    await flood();
    for (let each = 0; each < 50; each++) expect(await login('ann')).toBe(204);
    expect(answers(401)).toBeLessThan(MAX_WAITING);
    loop.disable();
    expect(loop.max / 1e6).toBeLessThan(MAX_HASHES * hashMs);
  });

  test('wait in a queue that ends somewhere, and hear so a second later', async () => {
    await flood();
    const expected = GUESSERS - MAX_WAITING - MAX_AT_ONCE;
    await eventually('refusals', () => answers(503) > 0, SOON_MS);
    // Those that were compared by then have made room.
    const compared = answers(401) + MAX_AT_ONCE;
    await eventually('all of them', () => answers(503) >= expected - compared, SOON_MS);
    expect(answers(503)).toBeLessThanOrEqual(expected);
    const [refused] = guessers.filter(({ pending }) => pending.includes('HTTP/1.1 503 '));
    const response = await refused?.receive();
    expect(response?.header('Retry-After')).toMatch(/^\d+$/);
    expect(String(response?.body)).toContain('too many logins are being checked, try again');
  });

  test('take turns with a login from another address, which is not refused', async () => {
    await flood();
    await eventually('refusals', () => answers(503) > 0, SOON_MS);
    const before = answers(401);
    expect(await login('ben', '127.0.0.2')).toBe(204);
    expect(answers(401) - before).toBeLessThan(20);
  });

  test('cost nothing any more once they have gone', async () => {
    await flood();
    await eventually('refusals', () => answers(503) > 0, SOON_MS);
    for (const each of guessers) each.socket.resetAndDestroy();
    const failed = (): number =>
      gateway.lines.filter(({ message }) => message === 'login failed').length;
    const before = failed();
    expect(await login('reader')).toBe(204);
    expect(failed() - before).toBeLessThan(20);
  });
});
