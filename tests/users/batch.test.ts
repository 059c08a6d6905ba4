import { setTimeout } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Batch, Replacement } from '../../src/users/batch.ts';
import { Secret } from '../../src/kernel/secret.ts';
import type { SubscriptionRecord } from '../../src/users/subscription.ts';
import type { UserRecord } from '../../src/users/record.ts';
import { someHash } from './hash.ts';
import { useStores } from './open-stores.ts';
import { TIME, userRecord } from './records.ts';

const stores = useStores();

const added = (name: string, change: Partial<UserRecord> = {}): Replacement<UserRecord> => ({
  before: undefined,
  after: userRecord(name, change),
});

const users = (...replacements: readonly Replacement<UserRecord>[]): Batch => ({
  users: replacements,
  subscriptions: [],
});

describe('replaceAll', () => {
  test('makes new users and changes those there are, with the times that it is given', async () => {
    const { store } = await stores.open();
    expect(await store.replaceAll(users(added('a'), added('b', { admin: true })))).toBe('replaced');
    const after = userRecord('a', { hash: someHash(7), permissions: [] });
    expect(await store.replaceAll(users({ before: store.get('a'), after }, added('c')))).toBe(
      'replaced',
    );
    expect([...store.list()]).toEqual([after, userRecord('b', { admin: true }), userRecord('c')]);
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

  test.each<readonly [string, (there: UserRecord) => Replacement<UserRecord>]>([
    ['is there by now', () => added('a')],
    ['is gone', () => ({ before: userRecord('gone'), after: userRecord('gone') })],
    ['has other permissions', (there) => ({ before: { ...there, permissions: [] }, after: there })],
    ['has another hash', (there) => ({ before: { ...there, hash: someHash(5) }, after: there })],
  ])('puts nothing where one of the users %s', async (_, replacement) => {
    const { store } = await stores.open();
    await store.replaceAll(users(added('a')));
    const bad = replacement(userRecord('a'));
    expect(await store.replaceAll(users(added('new'), bad))).toEqual({
      changedMeanwhile: `user "${bad.after.name}"`,
    });
    expect([...store.list()]).toEqual([userRecord('a')]);
    expect(store.summary().users).toBe(1);
  });

  test('leaves an admin where there was one, whatever the order', async () => {
    const { store } = await stores.open();
    const root = userRecord('root', { admin: true, permissions: [] });
    await store.replaceAll(users({ before: undefined, after: root }));
    const demoted = { before: root, after: { ...root, admin: false } };
    expect(await store.replaceAll(users(demoted))).toBe('last-admin');
    expect(await store.replaceAll(users(demoted, added('b')))).toBe('last-admin');
    expect([...store.list()]).toEqual([root]);
    expect(await store.replaceAll(users(demoted, added('b', { admin: true })))).toBe('replaced');
    expect(store.summary().admins).toBe(1);
  });

  test('a store without an admin may stay without', async () => {
    const { store } = await stores.open();
    expect(await store.replaceAll(users(added('a')))).toBe('replaced');
    expect(store.everHadAdmin()).toBe(false);
  });

  const subscription = (name: string, change: Partial<SubscriptionRecord> = {}) => ({
    before: undefined,
    after: {
      name,
      databases: ['telegraf'],
      secrets: [{ hash: 'ab'.repeat(32), created: TIME }],
      created: TIME,
      changed: TIME,
      ...change,
    },
  });

  test('puts users and subscriptions together, or neither', async () => {
    const { store } = await stores.open();
    const first = { users: [added('a')], subscriptions: [subscription('influx')] };
    expect(await store.replaceAll(first)).toBe('replaced');
    expect(store.subscriptions.list()).toEqual([subscription('influx').after]);
    const again = { users: [added('b')], subscriptions: [subscription('influx')] };
    expect(await store.replaceAll(again)).toEqual({
      changedMeanwhile: 'subscription "influx"',
    });
    const other = { users: [added('a')], subscriptions: [subscription('other')] };
    expect(await store.replaceAll(other)).toEqual({ changedMeanwhile: 'user "a"' });
    expect([...store.names()]).toEqual(['a']);
    expect(store.subscriptions.list()).toHaveLength(1);
  });

  test('a subscription that got other secrets is not found by those that it had', async () => {
    const { store, path } = await stores.open();
    const secret = await store.subscriptions.add('influx', []);
    if (!(secret instanceof Secret)) throw new Error('no secret');
    expect(store.subscriptions.find(secret)?.name).toBe('~subscriber:influx');
    const [before] = store.snapshot().subscriptions;
    const replacement = { ...subscription('influx'), before };
    expect(await store.replaceAll({ users: [], subscriptions: [replacement] })).toBe('replaced');
    await store.close();
    const fresh = (await stores.open(path)).store;
    expect(fresh.subscriptions.find(secret)).toBeUndefined();
  });

  test('no more subscriptions than there may be', async () => {
    const { store } = await stores.open();
    const many = Array.from({ length: 1001 }, (_, index) => subscription(`s${index}`));
    expect(await store.replaceAll({ users: [added('a')], subscriptions: many })).toBe(
      'too-many-subscriptions',
    );
    expect([...store.names()]).toEqual([]);
    const most = { users: [], subscriptions: many.slice(1) };
    expect(await store.replaceAll(most)).toBe('replaced');
    expect(store.snapshot().subscriptions).toHaveLength(1000);
  });

  test('nothing stays where a record is none, or a user stands there twice', async () => {
    const { store } = await stores.open();
    const none = added('b', { created: 'canary' });
    await expect(store.replaceAll(users(added('a'), none))).rejects.toThrow(/BUG.*"created"/);
    await expect(store.replaceAll(users(added('a'), added('a')))).rejects.toThrow(/BUG.*twice/);
    expect([...store.names()]).toEqual([]);
    expect(store.summary().users).toBe(0);
  });
});

describe('snapshot', () => {
  test('that has begun to be read is read to its end as it was, over any number of turns', async () => {
    const { store, path } = await stores.open();
    const other = (await stores.open(path)).store;
    await store.replaceAll(
      users(...Array.from({ length: 300 }, (_, index) => added(`u${1000 + index}`))),
    );
    const { users: all } = store.snapshot();
    const seen: string[] = [];
    for (const { name } of all) {
      seen.push(name);
      if (seen.length % 50 > 0) continue;
      await setTimeout(5);
      expect(await other.delete(`u${1300 - seen.length}`)).toBe('deleted');
      await store.create(userRecord(`u${1299 - seen.length}a`));
      expect(store.get(`u${1300 - seen.length}`)).toBeUndefined();
    }
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => `u${1000 + index}`));
  });

  test('has all users in order, and the summary of the same moment', async () => {
    const { store } = await stores.open();
    const many = Array.from({ length: 2500 }, (_, index) => added(`u${index}`));
    await store.replaceAll(users(...many));
    const { summary, users: all } = store.snapshot();
    const names = Array.from(all, ({ name }) => name);
    expect(summary.users).toBe(2500);
    expect(names).toEqual([...store.names()]);
  });

  test('knows nothing of what another store writes while it is read', async () => {
    const { store, path } = await stores.open();
    const other = (await stores.open(path)).store;
    const two = Array.from({ length: 200 }, (_, index) => added(`u${1000 + index}`));
    await store.replaceAll(users(...two));
    const { summary, users: all } = store.snapshot();
    const seen: string[] = [];
    const writes: Promise<unknown>[] = [];
    for (const { name } of all) {
      seen.push(name);
      if (seen.length > 1) continue;
      writes.push(other.delete('u1100'), other.create(userRecord('u1100a')));
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
