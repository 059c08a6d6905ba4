import { afterAll, describe, expect, test } from '@jest/globals';
import type { HashingJob } from '../../src/authenticate/hashing-threads.ts';
import { createHashing } from '../../src/authenticate/hashing.ts';
import type { Hashing } from '../../src/authenticate/hashing.ts';
import { createPasswords } from '../../src/authenticate/password.ts';
import { costOf } from '../../src/kernel/bcrypt-hash.ts';
import { Secret } from '../../src/kernel/secret.ts';

const hashing = createHashing();
const passwords = createPasswords({ cost: 4, hashing });
afterAll(() => hashing.close());
const secret = new Secret('pässword');

describe('createPasswords', () => {
  test('what was hashed compares, and nothing else does', async () => {
    const hash = await passwords.hash(secret);
    expect(hash).toMatch(/^\$2b\$04\$/);
    expect(await passwords.compare(secret, hash)).toBe(true);
    for (const other of ['', 'pässwor', 'pässword ', 'Pässword', 'password']) {
      expect(await passwords.compare(new Secret(other), hash)).toBe(false);
    }
  });

  test('hashes of htpasswd ($2y$) and of old libraries ($2a$) compare', async () => {
    const hash = await passwords.hash(secret);
    for (const version of ['$2y$', '$2a$']) {
      const other = hash.replace('$2b$', version);
      expect(await passwords.compare(secret, other)).toBe(true);
      expect(await passwords.compare(new Secret('x'), other)).toBe(false);
    }
  });

  test.each([
    ['empty', ''],
    ['only a prefix', '$2a$'],
    ['a star', '*'],
    ['plain text', 'pässword'],
    ['cut short', `$2b$04$${'a'.repeat(52)}`],
    ['too long', `$2b$04$${'a'.repeat(54)}`],
    ['of an unknown version', `$2c$04$${'a'.repeat(53)}`],
    ['of another algorithm', `$6$salt$${'a'.repeat(80)}`],
    ['followed by a line break', `$2b$04$${'a'.repeat(53)}\n`],
  ])('a stored hash that is %s matches nothing, and throws nothing', async (_, hash) => {
    expect(await passwords.compare(secret, hash)).toBe(false);
    expect(await passwords.compare(new Secret(''), hash)).toBe(false);
  });

  test('spending costs what a comparison of that cost does', async () => {
    const took = async (cost: number): Promise<number> => {
      const startedMs = performance.now();
      await passwords.spend(secret, cost);
      return performance.now() - startedMs;
    };
    const cheap: number[] = [];
    for (let round = 0; round < 5; round++) cheap.push(await took(4));
    // 2^8 as much work; a machine that is busy may blur it, but not this far.
    expect(await took(12)).toBeGreaterThan(4 * Math.min(...cheap));
  });

  test('a failure is as much work as the highest cost, in one turn', async () => {
    const jobs: HashingJob[] = [];
    const counting: Hashing = {
      run: (job) => {
        jobs.push(job);
        return Promise.resolve(false);
      },
      load: () => ({ running: 0, waiting: 0 }),
      close: () => Promise.resolve(),
    };
    const turn = { source: 'x', isTrusted: false, haveGone: () => false, haveEnded: () => false };
    const counted = createPasswords({ cost: 4, hashing: counting });
    for (const cost of ['04', '09', '12']) {
      const hash = `$2b$${cost}$${'a'.repeat(53)}`;
      await counted.compare(secret, hash, { turn, failureCost: 12 });
    }
    await counted.spend(secret, 12, turn);
    expect(jobs.map(roundsOfFailure)).toEqual(Array.from({ length: 4 }, () => 2 ** 12));
  });

  test('the event loop goes on meanwhile', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await passwords.spend(secret, 11);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });
});

function roundsOfFailure(job: HashingJob): number {
  if (job.kind === 'hash') return 0;
  const compared = job.form?.kind === 'bcrypt' ? [job.form.hash] : [];
  return [...compared, ...job.onFailure].reduce((sum, hash) => sum + 2 ** (costOf(hash) ?? 0), 0);
}
