import { describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Secret } from '../../src/kernel/secret.ts';
import { openDatabase } from '../../src/users/database.ts';
import { UserStoreError } from '../../src/users/fault.ts';
import { openUserStore } from '../../src/users/store.ts';
import type { UserStore } from '../../src/users/store.ts';
import { hashOf } from '../../src/users/subscription.ts';
import { MAX_SUBSCRIPTIONS } from '../../src/users/subscriptions.ts';
import { eventually } from '../support/eventually.ts';
import { someHash } from './hash.ts';
import { useStores } from './open-stores.ts';

const stores = useStores();

async function added(
  { subscriptions }: UserStore,
  name: string,
  databases: readonly string[] = [],
) {
  const secret = await subscriptions.add(name, databases);
  if (!(secret instanceof Secret)) throw new Error(secret);
  return secret;
}

async function rotatedTo({ subscriptions }: UserStore, name: string, keepMs?: number) {
  const secret = await subscriptions.rotate(name, keepMs);
  if (!(secret instanceof Secret)) throw new Error(secret);
  return secret;
}

/** The next turn of the event loop sees what other processes wrote. */
const nextTurn = () => sleep(1);

describe('SubscriptionStore', () => {
  test('a secret is 256 random bits that a path holds as they are', async () => {
    const { store } = await stores.open();
    const secrets = [await added(store, 'a'), await added(store, 'b')].map((each) => each.reveal());
    for (const secret of secrets) expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    expect(secrets[0]).not.toBe(secrets[1]);
  });

  test('finds whose secret it is, and nobody by another', async () => {
    const { store } = await stores.open();
    const secret = await added(store, 'influx', ['telegraf', 'a b']);
    expect(store.subscriptions.find(secret)).toMatchObject({
      name: '~subscriber:influx',
      admin: false,
      method: 'subscription',
    });
    for (const other of [
      '',
      'x',
      secret.reveal().toLowerCase(),
      `${secret.reveal()} `,
      hashOf(secret),
    ])
      expect(store.subscriptions.find(new Secret(other))).toBeUndefined();
  });

  test('a subscription may write to its databases and ping, and do nothing else', async () => {
    const { store } = await stores.open();
    const grants = store.subscriptions.find(await added(store, 'influx', ['telegraf']))?.grants;
    expect([...(grants?.api.keys() ?? [])].sort()).toEqual(['/api/ping', '/api/write']);
    expect([...(grants?.databases.keys() ?? [])]).toEqual(['telegraf']);
    const all = store.subscriptions.find(await added(store, 'all'))?.grants;
    expect([...(all?.databases.keys() ?? [])]).toEqual(['']);
  });

  test('the files hold no secret', async () => {
    const { store, path } = await stores.open();
    const secret = await added(store, 'influx');
    const next = await rotatedTo(store, 'influx');
    await store.close();
    const bytes = await readFile(join(path, 'data.mdb'));
    expect(bytes.includes(hashOf(secret))).toBe(true);
    for (const each of [secret, next]) {
      expect(bytes.includes(each.reveal())).toBe(false);
      expect(bytes.includes(Buffer.from(each.reveal(), 'base64url'))).toBe(false);
    }
  });

  test('what was acknowledged is there after the store is opened again', async () => {
    const { store, path } = await stores.open();
    const secret = await added(store, 'influx', ['telegraf']);
    await store.close();
    const again = await stores.open(path);
    expect(again.store.subscriptions.find(secret)?.name).toBe('~subscriber:influx');
    expect(again.store.subscriptions.list()).toMatchObject([
      { name: 'influx', databases: ['telegraf'] },
    ]);
  });

  test('a name is taken once, and a number is the end', async () => {
    const { store } = await stores.open();
    await added(store, 'influx');
    expect(await store.subscriptions.add('influx', [])).toBe('exists');
    const others = Array.from({ length: MAX_SUBSCRIPTIONS - 1 }, (_, index) => `s${index}`);
    await Promise.all(others.map((name) => added(store, name)));
    expect(await store.subscriptions.add('more', [])).toBe('too-many');
    expect(store.subscriptions.list()).toHaveLength(MAX_SUBSCRIPTIONS);
  });

  test('a revoked one is refused at once, with both its secrets', async () => {
    const { store } = await stores.open();
    const secret = await added(store, 'influx');
    const next = await rotatedTo(store, 'influx');
    expect(await store.subscriptions.revoke('influx')).toBe('revoked');
    expect(await store.subscriptions.revoke('influx')).toBe('unknown');
    for (const each of [secret, next]) expect(store.subscriptions.find(each)).toBeUndefined();
    expect(store.subscriptions.list()).toEqual([]);
  });

  test('a change of the users leaves subscriptions as they are, and the other way round', async () => {
    const { store } = await stores.open();
    const secret = await added(store, 'influx');
    await store.create({ name: 'root', admin: true, hash: someHash(), permissions: [] });
    await nextTurn();
    expect(store.subscriptions.find(secret)?.name).toBe('~subscriber:influx');
    await added(store, 'other');
    expect([...store.names()]).toEqual(['root']);
    expect(store.summary()).toMatchObject({ users: 1, admins: 1 });
  });

  test('names of the object prototype are names', async () => {
    const { store } = await stores.open();
    for (const name of ['__proto__', 'constructor', 'toString']) await added(store, name);
    expect(store.subscriptions.get('__proto__')?.name).toBe('__proto__');
    expect(store.subscriptions.get('hasOwnProperty')).toBeUndefined();
  });
});

describe('SubscriptionStore.rotate', () => {
  test('both secrets are good until the old one is ended', async () => {
    const { store } = await stores.open();
    const old = await added(store, 'influx', ['telegraf']);
    const next = await rotatedTo(store, 'influx');
    for (const each of [old, next])
      expect([...(store.subscriptions.find(each)?.grants.databases.keys() ?? [])]).toEqual([
        'telegraf',
      ]);
    expect(await store.subscriptions.endOld('influx')).toMatchObject({
      secrets: [{ hash: hashOf(next) }],
    });
    expect(store.subscriptions.find(old)).toBeUndefined();
    expect(store.subscriptions.find(next)?.name).toBe('~subscriber:influx');
    expect(await store.subscriptions.endOld('influx')).toBe('one-only');
  });

  test('a time that is given ends the old one to the millisecond, and never the new one', async () => {
    let nowMs = Date.parse('2025-01-01T00:00:00.000Z');
    const path = await stores.path();
    const store = openUserStore({ path, minimumCost: 4, now: () => nowMs });
    try {
      const old = await added(store, 'influx');
      const next = await rotatedTo(store, 'influx', 60_000);
      expect(store.subscriptions.get('influx')?.secrets).toMatchObject([
        { hash: hashOf(next) },
        { hash: hashOf(old), ends: '2025-01-01T00:01:00.000Z' },
      ]);
      nowMs += 59_999;
      expect(store.subscriptions.find(old)?.name).toBe('~subscriber:influx');
      nowMs += 1;
      expect(store.subscriptions.find(old)).toBeUndefined();
      expect(store.subscriptions.find(next)?.name).toBe('~subscriber:influx');
      // What has ended is no reason against the next rotation.
      const third = await rotatedTo(store, 'influx', 0);
      expect(store.subscriptions.get('influx')?.secrets.map(({ hash }) => hash)).toEqual([
        hashOf(third),
        hashOf(next),
      ]);
      expect(store.subscriptions.find(next)).toBeUndefined();
      expect(store.subscriptions.find(third)?.name).toBe('~subscriber:influx');
    } finally {
      await store.close();
    }
  });

  test('a second rotation waits for the end of the first: nobody is cut off unasked', async () => {
    const { store } = await stores.open();
    const old = await added(store, 'influx');
    await rotatedTo(store, 'influx');
    expect(await store.subscriptions.rotate('influx', undefined)).toBe('two-already');
    expect(await store.subscriptions.rotate('influx', 0)).toBe('two-already');
    expect(store.subscriptions.find(old)?.name).toBe('~subscriber:influx');
  });

  test('nobody rotates what is not there', async () => {
    const { store } = await stores.open();
    expect(await store.subscriptions.rotate('influx', undefined)).toBe('unknown');
    expect(await store.subscriptions.endOld('influx')).toBe('unknown');
  });
});

describe('SubscriptionStore, damage', () => {
  /** A store in which the record of `bad` was replaced by these bytes. */
  async function damagedStore(bytes: string) {
    const { store, path } = await stores.open();
    const good = await added(store, 'good');
    const bad = await added(store, 'bad');
    await store.close();
    const database = openDatabase(path, Buffer.alloc(0));
    await database.write(() => {
      database.putFurther('subscription:bad', Buffer.from(bytes));
    });
    await database.close();
    return { ...(await stores.open(path)), good, bad };
  }
  const time = '2025-01-01T00:00:00.000Z';
  const sound = {
    v: 1,
    name: 'bad',
    databases: [],
    secrets: [{ hash: 'a'.repeat(64), created: time }],
    created: time,
    changed: time,
  };

  test.each([
    ['no JSON', '{'],
    ['nothing', ''],
    ['another version', JSON.stringify({ ...sound, v: 2 })],
    ['another name', JSON.stringify({ ...sound, name: 'other' })],
    ['no secret', JSON.stringify({ ...sound, secrets: [] })],
    ['a field that nobody knows', JSON.stringify({ ...sound, disabled: true })],
    [
      'an end that is no time',
      JSON.stringify({ ...sound, secrets: [{ ...sound.secrets[0], ends: 'x' }] }),
    ],
    ['no databases', JSON.stringify({ ...sound, databases: undefined })],
    ['an empty database', JSON.stringify({ ...sound, databases: [''] })],
  ])('%s is told, and never "nobody"', async (_, bytes) => {
    const { store, good, bad } = await damagedStore(bytes);
    expect(() => store.subscriptions.find(bad)).toThrow(UserStoreError);
    expect(() => store.subscriptions.get('bad')).toThrow(
      /read subscription "bad" in the user store/,
    );
    expect(() => store.subscriptions.list()).toThrow(/read subscription "bad"/);
    await expect(store.subscriptions.rotate('bad', undefined)).rejects.toThrow(UserStoreError);
    // Those whose record is sound go on.
    expect(store.subscriptions.find(good)?.name).toBe('~subscriber:good');
    expect(await store.subscriptions.revoke('bad')).toBe('revoked');
    expect(store.subscriptions.find(bad)).toBeUndefined();
  });
});

describe('SubscriptionStore.lastUsed', () => {
  test('is written soon after the first use, once a minute after that, and when the store closes', async () => {
    let nowMs = 1_000_000;
    const path = await stores.path();
    const store = openUserStore({ path, minimumCost: 4, now: () => nowMs });
    const secret = await added(store, 'influx');
    const { subscriptions } = store;
    const hash = hashOf(secret);
    expect(subscriptions.lastUsed(hash)).toBeUndefined();
    subscriptions.find(secret);
    await eventually('the first use is written', () => {
      subscriptions.list();
      return subscriptions.lastUsed(hash) === 1_000_000;
    });
    nowMs += 5_000;
    for (let each = 0; each < 1000; each++) subscriptions.find(secret);
    await sleep(50);
    expect(subscriptions.lastUsed(hash)).toBe(1_000_000);
    await store.close();
    const again = await stores.open(path);
    expect(again.store.subscriptions.lastUsed(hash)).toBe(1_005_000);
  });

  test('a refused secret is not used, and an ended one is forgotten', async () => {
    const { store, path } = await stores.open();
    const old = await added(store, 'influx');
    store.subscriptions.find(old);
    store.subscriptions.find(new Secret('x'));
    await store.close();
    const again = await stores.open(path);
    expect(again.store.subscriptions.lastUsed(hashOf(new Secret('x')))).toBeUndefined();
    expect(again.store.subscriptions.lastUsed(hashOf(old))).toBeDefined();
    await rotatedTo(again.store, 'influx');
    await again.store.subscriptions.endOld('influx');
    expect(again.store.subscriptions.lastUsed(hashOf(old))).toBeUndefined();
  });
});
