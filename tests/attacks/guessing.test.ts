import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { expectNoAccidents } from '../support/accidents.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const LIMIT = 3;

let upstream: RecordingUpstream;
let gateway: OpenGateway;
let guesses = 0;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

afterEach(async () => {
  await gateway.stop();
  upstream.clear();
});

afterAll(() => upstream.stop());

async function open(trustedProxies = ''): Promise<void> {
  gateway = await openGateway({
    upstream: upstream.url,
    env: {
      KAPGATE_LIMITS_LOGIN_FAILURES: `${LIMIT} per 1h`,
      KAPGATE_HTTP_TRUSTED_PROXIES: trustedProxies,
    },
  });
}

function basic(name: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** A password that was not tried before: the same one again within seconds is no new guess. */
function wrong(name: string): string {
  return basic(name, `guess-${guesses++}`);
}

async function status(
  headers: readonly string[],
  target = TASKS,
  from = '127.0.0.1',
): Promise<number> {
  const text = requestText(target.startsWith('/write') ? 'POST' : 'GET', target, headers);
  return (await exchange(gateway.port, text, { localAddress: from })).status;
}

/** The statuses of so many guesses, one after the other. */
async function guess(
  times: number,
  headersOf: (count: number) => readonly string[],
): Promise<number[]> {
  const all: number[] = [];
  for (let count = 0; count < times; count++) all.push(await status(headersOf(count)));
  return all;
}

const STOPPED = [401, 401, 401, 429, 429];

describe('a guesser', () => {
  test('gets no further by making up where they come from', async () => {
    await open();
    const lies = (count: number): readonly string[] => [
      wrong('ann'),
      `X-Forwarded-For: 198.51.100.${count}`,
      `X-Real-IP: 198.51.100.${count}`,
      `Forwarded: for=198.51.100.${count}`,
      `CF-Connecting-IP: 198.51.100.${count}`,
      `True-Client-IP: 198.51.100.${count}`,
    ];
    expect(await guess(5, lies)).toEqual(STOPPED);
  });

  test('behind a trusted proxy is whom the proxy saw, whatever stands left of it', async () => {
    await open('127.0.0.1');
    const lies = (count: number): readonly string[] => [
      wrong('ann'),
      `X-Forwarded-For: 198.51.100.${count}, 127.0.0.1, 192.0.2.7`,
    ];
    expect(await guess(5, lies)).toEqual(STOPPED);
    expect(await status([wrong('ann'), 'X-Forwarded-For: 192.0.2.8'])).toBe(401);
    expect(await status([as('ann'), 'X-Forwarded-For: 192.0.2.8'])).toBe(204);
  });

  test('behind a trusted proxy is the same in every spelling of one address', async () => {
    await open('127.0.0.1');
    const spellings = [
      '192.0.2.9',
      '::ffff:192.0.2.9',
      '::FFFF:192.0.2.9',
      '::ffff:c000:209',
      '0:0:0:0:0:ffff:c000:0209',
    ];
    const headers = (count: number): readonly string[] => [
      wrong('ann'),
      `X-Forwarded-For: ${spellings[count] ?? ''}`,
    ];
    expect(await guess(5, headers)).toEqual(STOPPED);
  });

  test('gets no further by several X-Forwarded-For', async () => {
    await open('127.0.0.1');
    const lies = (count: number): readonly string[] => [
      wrong('ann'),
      `X-Forwarded-For: 198.51.100.${count}`,
      'X-Forwarded-For: 192.0.2.7',
    ];
    expect(await guess(5, lies)).toEqual(STOPPED);
  });

  test('gets no further by another way to send the password', async () => {
    await open();
    const encoded = (count: number): string => `${TASKS}?u=ann&p=other-${count}`;
    expect(await status([wrong('ann')])).toBe(401);
    expect(await status([], encoded(0))).toBe(401);
    expect(await status([wrong('ann')], '/kapacitor/v1preview/tasks')).toBe(401);
    expect(await status([], encoded(1))).toBe(429);
    expect(await status([wrong('ann')])).toBe(429);
    expect(await status([wrong('ann')], '/write?db=d')).toBe(503);
    expect(await status([wrong('ann')], '/kapacitor/v1/users')).toBe(429);
    expect(await status([wrong('ann')], '/kapacitor/v1/ping')).toBe(429);
  });

  test('at once gets no more than one after the other', async () => {
    await open();
    const all = await Promise.all(Array.from({ length: 40 }, () => status([wrong('ann')])));
    expect(all.filter((each) => each === 401).length).toBe(LIMIT);
    expect(all.filter((each) => each === 429).length).toBe(40 - LIMIT);
  });

  test('learns nothing from it of who there is', async () => {
    await open();
    const known = await guess(5, () => [wrong('ann')]);
    const unknown = await guess(5, () => [wrong('who-is-this')]);
    expect([known, unknown]).toEqual([STOPPED, STOPPED]);
  });

  test('finds no user by another case, blanks, a NUL or a name that looks the same', async () => {
    await open();
    for (const name of ['ANN', 'ann ', ' ann', 'ann\0', 'ann\t', 'аnn', 'ａｎｎ', 'ann%00']) {
      expect([name, await status([basic(name, 'pw-ann')])]).toEqual([name, 401]);
    }
    expect(upstream.requests).toEqual([]);
  });

  test('uses up their own address by changing names, and the right name with it', async () => {
    await open();
    const all = await guess(LIMIT * 10 + 5, (count) => [wrong(`u${count}`)]);
    expect(all.filter((each) => each === 401).length).toBe(LIMIT * 10);
    expect(await status([as('ann')])).toBe(429);
    expect(await status([as('ann')], TASKS, '127.0.0.2')).toBe(204);
  });

  test('does not reset their count by a login of their own', async () => {
    await open();
    const all: number[] = [];
    for (let count = 0; count < 5; count++) {
      all.push(await status([wrong('ann')]));
      expect(await status([as('ben')])).toBe(204);
    }
    expect(all).toEqual(STOPPED);
  });
});

describe('whom a guesser would lock out', () => {
  test('at another address goes on', async () => {
    await open();
    await guess(20, () => [wrong('ann')]);
    expect(await status([as('ann')], TASKS, '127.0.0.2')).toBe(204);
  });

  test('at the same address goes on where they were known before, and writes', async () => {
    await open();
    expect(await status([as('ann')])).toBe(204);
    await guess(20, () => [wrong('ann')]);
    await guess(LIMIT * 12, (count) => [wrong(`u${count}`)]);
    expect(await status([wrong('ann')])).toBe(429);
    expect(await status([as('ann')], '/write?db=d')).toBe(204);
    expect(await status([as('ann')])).toBe(204);
  });

  test('is a user, never the secret of a subscription', async () => {
    await open();
    await guess(LIMIT * 12, (count) => [wrong(`u${count}`)]);
    expect(await status([], '/sub/not-a-secret/write?db=d')).toBe(401);
  });
});
