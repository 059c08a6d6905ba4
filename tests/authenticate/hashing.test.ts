import { afterEach, describe, expect, test } from '@jest/globals';
import type { Turn } from '../../src/authenticate/hashing-queue.ts';
import type { HashingJob } from '../../src/authenticate/hashing-threads.ts';
import { createHashing } from '../../src/authenticate/hashing.ts';
import type { Hashing } from '../../src/authenticate/hashing.ts';
import { GatewayError } from '../../src/kernel/errors.ts';

const JOB: HashingJob = { kind: 'hash', password: 'x', cost: 4 };
const HERE = { haveGone: () => false, haveEnded: () => false };
const ANYBODY: Turn = { source: 'a', isTrusted: false, ...HERE };
const OVERLOADED = { code: 'overloaded', temporary: true };

let hashing: Hashing;
afterEach(() => hashing.close());

function jobs(count: number, turn = ANYBODY): Promise<string | boolean>[] {
  return Array.from({ length: count }, () => hashing.run(JOB, turn));
}

async function statusesOf(all: readonly Promise<unknown>[]): Promise<readonly string[]> {
  return (await Promise.allSettled(all)).map(({ status }) => status);
}

describe('createHashing', () => {
  test('so many at once, so many wait, and who comes later is told to come again', async () => {
    hashing = createHashing({ maxAtOnce: 2, maxWaiting: 3 });
    const all = jobs(8);
    expect(hashing.load()).toEqual({ running: 2, waiting: 3 });
    expect(await statusesOf(all)).toEqual([
      ...Array.from({ length: 5 }, () => 'fulfilled'),
      ...Array.from({ length: 3 }, () => 'rejected'),
    ]);
    expect(hashing.load()).toEqual({ running: 0, waiting: 0 });
    for (const refused of all.slice(5)) {
      await expect(refused).rejects.toBeInstanceOf(GatewayError);
      await expect(refused).rejects.toMatchObject(OVERLOADED);
    }
    expect(await statusesOf(jobs(3))).toEqual(Array.from({ length: 3 }, () => 'fulfilled'));
  });

  test('a source that fills the queue stops nobody else', async () => {
    hashing = createHashing({ maxAtOnce: 1, maxWaiting: 20 });
    const flood = jobs(50);
    let done = 0;
    for (const each of flood) each.then(() => done++).catch(() => undefined);
    await hashing.run(JOB, { ...ANYBODY, source: 'b' });
    expect(done).toBeLessThanOrEqual(2);
    expect(hashing.load().waiting).toBeGreaterThan(15);
    await statusesOf(flood);
  });

  test('nothing is hashed for who has gone, and their places are free', async () => {
    const done: number[] = [];
    const onDone = (): number => done.push(1);
    hashing = createHashing({ maxAtOnce: 1, maxWaiting: 10, onDone });
    let isOver = false;
    const first = jobs(1);
    const leaving = jobs(10, { ...ANYBODY, haveGone: () => isOver, haveEnded: () => isOver });
    const left = Promise.all(leaving.map((each) => expect(each).rejects.toMatchObject(OVERLOADED)));
    isOver = true;
    const last = jobs(1);
    await left;
    await Promise.all([...first, ...last]);
    expect(done).toHaveLength(2);
  });

  test('a job that fails gives its place back', async () => {
    hashing = createHashing({ maxAtOnce: 1, maxWaiting: 0 });
    const odd = { ...JOB, password: 5 } as unknown as HashingJob;
    for (let round = 0; round < 3; round++)
      await expect(hashing.run(odd, ANYBODY)).rejects.toThrow('cannot hash');
    expect(await hashing.run(JOB, ANYBODY)).toMatch(/^\$2b\$/);
  });

  test('each is told, with how long it waited and how long it took', async () => {
    const told: (readonly [number, number])[] = [];
    const onDone = (...ms: [number, number]): number => told.push(ms);
    hashing = createHashing({ maxAtOnce: 1, onDone });
    await Promise.all(jobs(2));
    const [[, took] = [0, NaN], [waited] = [NaN]] = told;
    expect(took).toBeGreaterThan(0);
    expect(waited).toBeGreaterThanOrEqual(took * 0.9);
  });

  test('once closed, what waits is rejected too', async () => {
    hashing = createHashing({ maxAtOnce: 1, maxWaiting: 5 });
    await Promise.all(jobs(1));
    const settled = statusesOf(jobs(4));
    await hashing.close();
    expect(await settled).toEqual(Array.from({ length: 4 }, () => 'rejected'));
  });
});
