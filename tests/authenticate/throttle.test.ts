import { describe, expect, test } from '@jest/globals';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createCounters } from '../../src/authenticate/counters.ts';
import { createThrottle } from '../../src/authenticate/throttle.ts';
import type { Attempt, Throttle } from '../../src/authenticate/throttle.ts';
import { eventually } from '../support/eventually.ts';

const MINUTE = { count: 3, perMs: 60_000 };

/** Fails so often. @returns how many attempts were let through */
async function fail(
  throttle: Throttle,
  address: string,
  name: string,
  times: number,
): Promise<number> {
  let through = 0;
  for (let each = 0; each < times; each++) {
    if (!('waitMs' in (await throttle.begin(address, name)))) through++;
  }
  return through;
}

async function waitOf(throttle: Throttle, address: string, name: string): Promise<number> {
  const begun = await throttle.begin(address, name);
  return 'waitMs' in begun ? begun.waitMs : 0;
}

async function begun(throttle: Throttle, address: string, name: string): Promise<Attempt> {
  const attempt = await throttle.begin(address, name);
  if ('waitMs' in attempt) throw new Error('it was not let through');
  return attempt;
}

describe('createThrottle', () => {
  test('lets so many failures through, and then says how long to wait', async () => {
    const throttle = createThrottle(MINUTE);
    expect(await fail(throttle, '192.0.2.1', 'stan', 10)).toBe(3);
    const waitMs = await waitOf(throttle, '192.0.2.1', 'stan');
    expect(waitMs).toBeGreaterThan(50_000);
    expect(waitMs).toBeLessThanOrEqual(60_000);
  });

  test('guesses at once are counted before the first of them has failed', async () => {
    const throttle = createThrottle(MINUTE);
    const all = await Promise.all(
      Array.from({ length: 50 }, () => throttle.begin('192.0.2.1', 'stan')),
    );
    expect(all.filter((each) => !('waitMs' in each))).toHaveLength(3);
  });

  test('what turned out right, and what nobody could say, is no failure', async () => {
    const throttle = createThrottle(MINUTE);
    for (let each = 0; each < 20; each++) {
      await (await begun(throttle, '192.0.2.1', 'stan')).succeed();
      await (await begun(throttle, '192.0.2.1', 'kyle')).forgive();
    }
    expect(await fail(throttle, '192.0.2.1', 'stan', 10)).toBe(3);
  });

  test('no address stops another, nor one name the other', async () => {
    const throttle = createThrottle(MINUTE);
    await fail(throttle, '192.0.2.1', 'stan', 10);
    expect(await waitOf(throttle, '192.0.2.2', 'stan')).toBe(0);
    expect(await waitOf(throttle, '192.0.2.1', 'kyle')).toBe(0);
  });

  test('many names from one address use the address up', async () => {
    const throttle = createThrottle(MINUTE);
    let through = 0;
    for (let each = 0; each < 100; each++)
      through += await fail(throttle, '192.0.2.1', `u${each}`, 1);
    expect(through).toBe(30);
    expect(await waitOf(throttle, '192.0.2.1', 'stan')).toBeGreaterThan(0);
    expect(await waitOf(throttle, '192.0.2.2', 'stan')).toBe(0);
  });

  test('an address that is used up does not stop who logged in from it before', async () => {
    const throttle = createThrottle(MINUTE);
    await (await begun(throttle, '192.0.2.1', 'telegraf')).succeed();
    for (let each = 0; each < 100; each++) await fail(throttle, '192.0.2.1', `u${each}`, 1);
    expect(await waitOf(throttle, '192.0.2.1', 'telegraf')).toBe(0);
    expect(await waitOf(throttle, '192.0.2.1', 'stan')).toBeGreaterThan(0);
    // Their own failures count on.
    expect(await fail(throttle, '192.0.2.1', 'telegraf', 10)).toBe(2);
  });

  test('an IPv6 host is its /64, however it is written', async () => {
    const throttle = createThrottle(MINUTE);
    const hosts = [
      '2001:db8:0:1::1',
      '2001:DB8::1:0:0:0:2',
      '2001:db8:0:1:ffff::',
      '2001:0db8:0000:0001::9',
    ];
    let through = 0;
    for (const host of hosts) through += await fail(throttle, host, 'stan', 1);
    expect(through).toBe(3);
    expect(await waitOf(throttle, '2001:db8:0:2::1', 'stan')).toBe(0);
    expect(await waitOf(throttle, '::1', 'stan')).toBe(0);
  });

  test('after the window there are attempts again', async () => {
    const throttle = createThrottle({ count: 1, perMs: 3_000 });
    await fail(throttle, '192.0.2.1', 'stan', 5);
    expect(await waitOf(throttle, '192.0.2.1', 'stan')).toBeGreaterThan(0);
    const wait = (): Promise<number> => waitOf(throttle, '192.0.2.1', 'stan');
    await eventually('the window is over', async () => (await wait()) === 0);
  });

  test('0 limits nothing', async () => {
    const throttle = createThrottle({ count: 0, perMs: 60_000 });
    expect(await fail(throttle, '192.0.2.1', 'stan', 1000)).toBe(1000);
  });

  test('any number of names and addresses takes a bounded memory', async () => {
    setFlagsFromString('--expose-gc');
    const throttle = createThrottle({ count: 10, perMs: 600_000 });
    const used = async (upTo: number): Promise<number> => {
      for (let each = upTo - 30_000; each < upTo; each++) {
        const address = `10.${each >> 16}.${(each >> 8) & 255}.${each & 255}`;
        await throttle.begin(address, 'n'.repeat(1_000) + String(each));
      }
      runInNewContext('gc()');
      return process.memoryUsage().heapUsed;
    };
    const before = await used(30_000);
    expect((await used(90_000)) - before).toBeLessThan(10_000_000);
  });
});

describe('createCounters', () => {
  test('the oldest keys are forgotten first, the newest go on counting', async () => {
    const counters = createCounters({ count: 1, perMs: 60_000, maxKeys: 10 });
    for (const key of ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k'])
      await counters.take(key);
    expect(await counters.take('k')).toBeGreaterThan(0);
    expect(await counters.take('a')).toBe(0);
  });
});

describe('look', () => {
  test('takes nothing, and says so only where the address is used up, and not to who was right', async () => {
    const throttle = createThrottle({ count: 2, perMs: 60_000 });
    await (await begun(throttle, '192.0.2.1', 'kyle')).succeed();
    for (let each = 0; each < 50; each++) {
      expect(await throttle.look('192.0.2.1', `name ${each}`)).toBe(0);
    }
    // The one is used up for a name, and not yet as an address.
    await fail(throttle, '192.0.2.1', 'stan', 5);
    expect(await throttle.look('192.0.2.1', 'stan')).toBe(0);
    for (let each = 0; each < 20; each++) await fail(throttle, '192.0.2.1', `name ${each}`, 1);
    expect(await throttle.look('192.0.2.1', 'another')).toBeGreaterThan(50_000);
    expect(await throttle.look('192.0.2.1', 'kyle')).toBe(0);
    expect(await throttle.look('192.0.2.2', 'another')).toBe(0);
    expect(await createThrottle({ count: 0, perMs: 1 }).look('192.0.2.1', 'x')).toBe(0);
  });
});
