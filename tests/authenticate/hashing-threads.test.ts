import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { readFileSync, readdirSync } from 'node:fs';
import { getPriority, platform } from 'node:os';
import { createHashingThreads } from '../../src/authenticate/hashing-threads.ts';
import type { HashingJob, HashingThreads } from '../../src/authenticate/hashing-threads.ts';
import { eventually } from '../support/eventually.ts';

const isLinux = platform() === 'linux';

let threads: HashingThreads;
/** Threads of other tests in this process, which end by themselves. */
let others: ReadonlySet<string>;
beforeEach(() => {
  others = new Set();
  if (isLinux) others = new Set(lowerThreads().map(({ id }) => id));
});
afterEach(() => threads.close());

/** Work of this cost. */
function spend(cost: number): HashingJob {
  const hash = `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
  return { kind: 'compare', password: 'x', form: undefined, onFailure: [hash] };
}

/** The threads of this process whose priority is lower than its own, with the processor time that each has used. */
function lowerThreads(): readonly { readonly id: string; readonly ticks: number }[] {
  const ids = readdirSync('/proc/self/task').filter((id) => !others.has(id));
  return ids.flatMap((id) => {
    const [, fields = ''] = readFileSync(`/proc/self/task/${id}/stat`, 'utf8').split(') ');
    const all = fields.split(' ').map(Number);
    return (all[16] ?? 0) > getPriority() ? [{ id, ticks: (all[11] ?? 0) + (all[12] ?? 0) }] : [];
  });
}

describe('createHashingThreads', () => {
  (isLinux ? test : test.skip)(
    'it is a thread of a lower priority that does the work, and no other has one',
    async () => {
      threads = createHashingThreads();
      expect(lowerThreads()).toEqual([]);
      await threads.run(spend(4));
      const [before] = lowerThreads();
      await threads.run(spend(12));
      const [after, ...more] = lowerThreads();
      expect(more).toEqual([]);
      expect(after?.id).toBe(before?.id);
      // Cost 12 is a fifth of a second of a fast processor: a hundredth each.
      expect((after?.ticks ?? 0) - (before?.ticks ?? 0)).toBeGreaterThan(5);
    },
  );

  (isLinux ? test : test.skip)(
    'an idle one ends, one that works longer than that does not, and the next job has another',
    async () => {
      threads = createHashingThreads({ idleMs: 20 });
      expect(await threads.run({ kind: 'hash', password: 'x', cost: 11 })).toMatch(/^\$2b\$11\$/);
      const [first] = lowerThreads();
      await eventually('the thread has ended', () => lowerThreads().length === 0);
      expect(await threads.run(spend(4))).toBe(false);
      expect(first).toBeDefined();
    },
  );

  test('as many as are at work at the same time, and each works on', async () => {
    threads = createHashingThreads();
    for (let round = 0; round < 2; round++)
      await Promise.all(Array.from({ length: 3 }, () => threads.run(spend(8))));
    if (isLinux) expect(lowerThreads()).toHaveLength(3);
  });

  test('a job that cannot be done is rejected, and the thread goes on', async () => {
    threads = createHashingThreads();
    const odd = { kind: 'hash', password: 5, cost: 4 } as unknown as HashingJob;
    const strange = { kind: 'hash', password: () => 5, cost: 4 } as unknown as HashingJob;
    await expect(threads.run(odd)).rejects.toThrow('cannot hash: ');
    await expect(threads.run(strange)).rejects.toThrow('could not be cloned');
    expect(await threads.run(spend(4))).toBe(false);
    if (isLinux) expect(lowerThreads()).toHaveLength(1);
  });

  test('closing rejects what is under way, and takes nothing more', async () => {
    threads = createHashingThreads();
    await threads.run(spend(4));
    const cut = expect(threads.run(spend(13))).rejects.toThrow('has ended');
    await threads.close();
    await cut;
    await expect(threads.run(spend(4))).rejects.toThrow('nothing is hashed any more');
    if (isLinux) expect(lowerThreads()).toEqual([]);
  });
});
