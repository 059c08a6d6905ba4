import { describe, expect, test } from '@jest/globals';
import { createPasswords } from '../../src/authenticate/password.ts';
import { GatewayError } from '../../src/kernel/errors.ts';
import { Secret } from '../../src/kernel/secret.ts';

const passwords = createPasswords({ cost: 4 });
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
    await took(4);
    // 2^5 as much work; a machine that is busy may blur it, but not this far.
    expect(await took(10)).toBeGreaterThan(4 * (await took(5)));
  });

  test('so many at once, so many wait, and who comes later is told to come again', async () => {
    const few = createPasswords({ cost: 4, maxAtOnce: 2, maxWaiting: 3 });
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => few.hash(secret)));
    expect(results.map(({ status }) => status)).toEqual([
      ...Array.from({ length: 5 }, () => 'fulfilled'),
      ...Array.from({ length: 3 }, () => 'rejected'),
    ]);
    for (const result of results) {
      if (result.status === 'fulfilled') continue;
      expect(result.reason).toBeInstanceOf(GatewayError);
      expect(result.reason).toMatchObject({ code: 'overloaded', temporary: true });
    }
    expect(await few.compare(secret, await few.hash(secret))).toBe(true);
  });

  test('one that fails gives its place back', async () => {
    const one = createPasswords({ cost: 4, maxAtOnce: 1, maxWaiting: 0 });
    const broken = { reveal: () => 5 } as unknown as Secret;
    for (let round = 0; round < 3; round++) await expect(one.hash(broken)).rejects.toThrow();
    expect(await one.hash(secret)).toMatch(/^\$2b\$/);
  });

  test('the event loop goes on meanwhile', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await passwords.spend(secret, 11);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(10);
  });
});
