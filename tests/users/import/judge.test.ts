import { describe, expect, test } from '@jest/globals';
import { Secret } from '../../../src/kernel/secret.ts';
import { judgeEntries } from '../../../src/users/import/judge.ts';
import type { ImportedUser } from '../../../src/users/import/reading.ts';
import { someHash } from '../hash.ts';

const hash = someHash(10);

describe('judgeEntries', () => {
  test('lets through who can be a user', () => {
    const entries = [
      { at: 1, name: 'stan', hash },
      { at: 2, name: '管理者', password: new Secret('p') },
      { at: 3, name: 'eva', admin: true, permissions: ['all', 'write_points:x'] },
      { at: 4, name: 'slow', hash: someHash(14) },
    ];
    expect(judgeEntries(entries, 14)).toEqual({ users: entries, refused: [] });
  });

  test.each<readonly [string, Omit<ImportedUser, 'at'>, RegExp]>([
    ['a name that none can have', { name: 'a b', hash }, /must contain only/],
    ['an empty name', { name: '', hash }, /username is required/],
    ['a name of another kind', { name: '..', hash }, /must not be/],
    ['a long name', { name: 'x'.repeat(256), hash }, /at most 255/],
    ['an empty password', { name: 'a', password: new Secret('') }, /password is required/],
    ['a long password', { name: 'a', password: new Secret('p'.repeat(73)) }, /at most 72 bytes/],
    ['NUL in its password', { name: 'a', password: new Secret('p\0') }, /NUL/],
    ['a hash of a high cost', { name: 'a', hash: someHash(15) }, /bcrypt cost 15.*at most 14/],
    ['a hash of the highest cost', { name: 'a', hash: someHash(31) }, /bcrypt cost 31/],
    ['what is no hash', { name: 'a', hash: 'canary' }, /bcrypt cost Infinity/],
    ['an unknown permission', { name: 'a', hash, permissions: ['root'] }, /unknown permission/],
    [
      'a part that cannot be given',
      { name: 'a', hash, permissions: ['api:/users'] },
      /admins only/,
    ],
  ])('%s is refused', (_, entry, words) => {
    const { users, refused } = judgeEntries([{ at: 7, ...entry }], 14);
    expect(users).toEqual([]);
    expect(refused).toEqual([{ at: 7, name: entry.name, refused: expect.stringMatching(words) }]);
    expect(JSON.stringify(refused)).not.toContain('canary');
  });

  test('of a name that stands there twice the first counts, also where it is refused', () => {
    const entries = [
      { at: 1, name: 'a', hash },
      { at: 2, name: 'b', refused: 'no hash' },
      { at: 3, name: 'a', hash: someHash(4) },
      { at: 4, name: 'b', hash },
      { at: 5, name: 'c', hash: someHash(31) },
      { at: 6, name: 'c', hash },
      { at: 7, refused: 'nameless' },
      { at: 8, refused: 'nameless' },
    ];
    const { users, refused } = judgeEntries(entries, 14);
    expect(users.map(({ at }) => at)).toEqual([1]);
    expect(refused.map(({ at, refused: why }) => [at, why.slice(0, 37)])).toEqual([
      [2, 'no hash'],
      [3, 'the name stands there before, at 1, a'],
      [4, 'the name stands there before, at 2, a'],
      [5, 'its hash has bcrypt cost 31, and ever'],
      [6, 'the name stands there before, at 5, a'],
      [7, 'nameless'],
      [8, 'nameless'],
    ]);
  });
});
