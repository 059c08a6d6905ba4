import { describe, expect, test } from '@jest/globals';
import type { Replacement } from '../../src/users/batch.ts';
import type { UserRecord } from '../../src/users/record.ts';
import { someHash } from './hash.ts';
import { useStores } from './open-stores.ts';

const stores = useStores();

const TIME = '2026-01-02T03:04:05.000Z';
const record = (name: string, change: Partial<UserRecord> = {}): UserRecord => ({
  name,
  admin: false,
  hash: someHash(),
  permissions: ['api'],
  created: TIME,
  changed: TIME,
  ...change,
});
const added = (name: string, change: Partial<UserRecord> = {}): Replacement => ({
  before: undefined,
  after: record(name, change),
});

describe('replaceAll', () => {
  test('makes new users and changes those there are, with the times that it is given', async () => {
    const { store } = await stores.open();
    expect(await store.replaceAll([added('a'), added('b', { admin: true })])).toBe('replaced');
    const after = record('a', { hash: someHash(7), permissions: [] });
    expect(await store.replaceAll([{ before: store.get('a'), after }, added('c')])).toBe(
      'replaced',
    );
    expect([...store.list()]).toEqual([after, record('b', { admin: true }), record('c')]);
    expect(store.summary()).toEqual({
      users: 3,
      admins: 1,
      everHadAdmin: true,
      hashes: new Map([
        [4, 2],
        [7, 1],
      ]),
    });
    expect(store.find('a')?.hash).toBe(someHash(7));
  });

  test.each<readonly [string, (there: UserRecord) => Replacement]>([
    ['is there by now', () => added('a')],
    ['is gone', () => ({ before: record('gone'), after: record('gone') })],
    ['has other permissions', (there) => ({ before: { ...there, permissions: [] }, after: there })],
    ['has another hash', (there) => ({ before: { ...there, hash: someHash(5) }, after: there })],
  ])('puts nothing where one of the users %s', async (_, replacement) => {
    const { store } = await stores.open();
    await store.replaceAll([added('a')]);
    const bad = replacement(record('a'));
    expect(await store.replaceAll([added('new'), bad])).toEqual({
      changedMeanwhile: bad.after.name,
    });
    expect([...store.list()]).toEqual([record('a')]);
    expect(store.summary().users).toBe(1);
  });

  test('leaves an admin where there was one, whatever the order', async () => {
    const { store } = await stores.open();
    const root = record('root', { admin: true, permissions: [] });
    await store.replaceAll([{ before: undefined, after: root }]);
    const demoted = { before: root, after: { ...root, admin: false } };
    expect(await store.replaceAll([demoted])).toBe('last-admin');
    expect(await store.replaceAll([demoted, added('b')])).toBe('last-admin');
    expect([...store.list()]).toEqual([root]);
    expect(await store.replaceAll([demoted, added('b', { admin: true })])).toBe('replaced');
    expect(store.summary().admins).toBe(1);
  });

  test('a store without an admin may stay without', async () => {
    const { store } = await stores.open();
    expect(await store.replaceAll([added('a')])).toBe('replaced');
    expect(store.everHadAdmin()).toBe(false);
  });

  test('nothing stays where a record is none, or a user stands there twice', async () => {
    const { store } = await stores.open();
    const none = added('b', { created: 'canary' });
    await expect(store.replaceAll([added('a'), none])).rejects.toThrow(/BUG.*"created"/);
    await expect(store.replaceAll([added('a'), added('a')])).rejects.toThrow(/BUG.*twice/);
    expect([...store.names()]).toEqual([]);
    expect(store.summary().users).toBe(0);
  });
});

describe('snapshot', () => {
  test('has all users in order, and the summary of the same moment', async () => {
    const { store } = await stores.open();
    const all = Array.from({ length: 2500 }, (_, index) => added(`u${index}`));
    await store.replaceAll(all);
    const { summary, users } = store.snapshot();
    const names = Array.from(users, ({ name }) => name);
    expect(summary.users).toBe(2500);
    expect(names).toEqual([...store.names()]);
  });

  test('knows nothing of what another store writes while it is read', async () => {
    const { store, path } = await stores.open();
    const other = (await stores.open(path)).store;
    await store.replaceAll(Array.from({ length: 200 }, (_, index) => added(`u${1000 + index}`)));
    const { summary, users } = store.snapshot();
    const seen: string[] = [];
    const writes: Promise<unknown>[] = [];
    for (const { name } of users) {
      seen.push(name);
      if (seen.length > 1) continue;
      writes.push(other.delete('u1100'), other.create(record('u1100a')));
    }
    await Promise.all(writes);
    expect(seen).toHaveLength(200);
    expect(seen).toContain('u1100');
    expect(summary.users).toBe(200);
    const later = store.snapshot();
    expect(later.summary.users).toBe(200);
    expect(Array.from(later.users, ({ name }) => name)).toContain('u1100a');
  });
});
