import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { chmodSync, copyFileSync, readdirSync, statSync } from 'node:fs';
import { mkdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { costOf } from '../../src/kernel/bcrypt-hash.ts';
import { UserStoreError } from '../../src/users/fault.ts';
import { openUserStore } from '../../src/users/store.ts';
import { hashCheaply, someHash } from './hash.ts';
import { useStores } from './open-stores.ts';

const stores = useStores();

const plain = (name: string) => ({
  name,
  admin: false,
  hash: someHash(),
  permissions: ['api', 'write_points:telegraf'],
});
const admin = (name: string) => ({ ...plain(name), admin: true, permissions: [] });

describe('openUserStore', () => {
  test('makes the directory 0700 and the files 0600, whatever the umask', async () => {
    const { path } = await stores.open();
    expect(statSync(path).mode & 0o777).toBe(0o700);
    expect(readdirSync(path).sort()).toEqual(['data.mdb', 'lock.mdb']);
    for (const file of readdirSync(path)) {
      expect(statSync(join(path, file)).mode & 0o777).toBe(0o600);
    }
  });

  test('closes files that others could read', async () => {
    const { store, path } = await stores.open();
    await store.close();
    chmodSync(join(path, 'data.mdb'), 0o644);
    await stores.open(path);
    expect(statSync(join(path, 'data.mdb')).mode & 0o777).toBe(0o600);
  });

  test('finds what was written before', async () => {
    const { store, path } = await stores.open();
    await store.create(admin('root'));
    await store.close();
    const again = await stores.open(path);
    expect(again.store.get('root')?.admin).toBe(true);
    expect(again.store.everHadAdmin()).toBe(true);
  });

  async function damaged(how: (data: string, path: string) => Promise<unknown>): Promise<string> {
    const { store, path } = await stores.open();
    await store.create(admin('root'));
    await store.close();
    await how(join(path, 'data.mdb'), path);
    try {
      await openUserStore({ path, minimumCost: 4 }).close();
    } catch (thrown) {
      expect(thrown).toBeInstanceOf(UserStoreError);
      const { message } = thrown as Error;
      expect(message).toContain(`cannot open the user store "${path}": `);
      return message;
    }
    throw new Error('it was opened');
  }

  test('an empty data file is no new store', async () => {
    expect(await damaged((data) => truncate(data))).toMatch(/put it back from a backup/);
  });

  test('a data file that is gone is no new store', async () => {
    expect(await damaged((data) => rm(data))).toMatch(/is gone.*begin without users/);
  });

  test('a file of something else is refused', async () => {
    const words = await damaged((data) => writeFile(data, Buffer.alloc(16_384, 7)));
    expect(words).toMatch(/damaged or not an LMDB file/);
  });

  test('a few bytes are refused', async () => {
    expect(await damaged((data) => writeFile(data, 'hello'))).toMatch(/not an LMDB file/);
  });

  test('a directory in the place of the data file is refused', async () => {
    const words = await damaged(async (data) => {
      await rm(data);
      await mkdir(data);
    });
    expect(words).toMatch(/not a regular file/);
  });

  test('an LMDB file of somebody else is refused', async () => {
    const { open } = await import('lmdb');
    const path = await stores.path();
    const other = open({ path, noSubdir: false, overlappingSync: false });
    await other.put('some', 'thing');
    await other.close();
    expect(() => openUserStore({ path, minimumCost: 4 })).toThrow(
      /data.mdb holds no generation of users/,
    );
  });

  test('a path that is a file is refused, with what it must be', async () => {
    const { path } = await stores.open();
    const file = join(path, 'data.mdb');
    expect(() => openUserStore({ path: file, minimumCost: 4 })).toThrow(
      /cannot open the user store ".*data.mdb": .*ENOTDIR.* \(the path must be that of a directory\)/,
    );
  });

  test('a file system without directories is refused', () => {
    expect(() => openUserStore({ path: '/proc/kapgate', minimumCost: 4 })).toThrow(
      /cannot open the user store "\/proc\/kapgate": .*ENOENT/,
    );
  });

  test('a data file that came back from a backup alone is opened', async () => {
    const { store, path } = await stores.open();
    await store.create(admin('root'));
    await store.close();
    const restored = await stores.path();
    await mkdir(restored);
    copyFileSync(join(path, 'data.mdb'), join(restored, 'data.mdb'));
    expect((await stores.open(restored)).store.get('root')?.admin).toBe(true);
  });
});

describe('UserStore', () => {
  test('gives back what was created', async () => {
    const { store } = await stores.open();
    expect(await store.create(plain('stan'))).toBe('created');
    expect(store.get('stan')).toEqual({
      ...plain('stan'),
      created: expect.any(String),
      changed: expect.any(String),
    });
    const account = store.find('stan');
    expect(account).toMatchObject({ name: 'stan', hash: someHash() });
    expect(account?.rights().admin).toBe(false);
    expect([...(account?.rights().grants.databases.keys() ?? [])]).toEqual(['telegraf']);
  });

  test('knows nobody by a name that is not there, whatever it looks like', async () => {
    const { store } = await stores.open();
    for (const name of [
      '',
      'nobody',
      '__proto__',
      'constructor',
      'a\0b',
      '\ud800',
      '🙂',
      'x'.repeat(10_000),
    ]) {
      expect(store.find(name)).toBeUndefined();
      expect(store.get(name)).toBeUndefined();
      expect(await store.update(name, { admin: true })).toBe('unknown');
      expect(await store.delete(name)).toBe('unknown');
    }
  });

  test('keeps names that are hostile to code', async () => {
    const { store } = await stores.open();
    const names = [
      '__proto__',
      'constructor',
      'toString',
      '-',
      '.x',
      '管理者',
      'ſ',
      'x'.repeat(255),
    ];
    for (const name of names) expect(await store.create(plain(name))).toBe('created');
    for (const name of names) expect(store.find(name)?.name).toBe(name);
    expect([...store.names()].sort()).toEqual([...names].sort());
  });

  test('does not create a name twice', async () => {
    const { store } = await stores.open();
    await store.create(plain('stan'));
    expect(await store.create({ ...plain('stan'), hash: someHash(5) })).toBe('exists');
    expect(store.get('stan')?.hash).toBe(someHash());
  });

  test('a change is seen at once', async () => {
    const { store } = await stores.open();
    await store.create(plain('stan'));
    expect(store.find('stan')?.hash).toBe(someHash());
    await store.update('stan', { hash: someHash(5) });
    expect(store.find('stan')?.hash).toBe(someHash(5));
    await store.delete('stan');
    expect(store.find('stan')).toBeUndefined();
  });

  test('becoming an admin clears permissions, those of the same change too', async () => {
    const { store } = await stores.open();
    await store.create(plain('stan'));
    await store.update('stan', { admin: true, permissions: ['api'] });
    expect(store.get('stan')).toMatchObject({ admin: true, permissions: [] });
  });

  test('an admin may be given permissions, for later', async () => {
    const { store } = await stores.open();
    await store.create(admin('root'));
    await store.create(admin('other'));
    await store.update('other', { permissions: ['api', 'api'] });
    await store.update('other', { admin: false });
    expect(store.get('other')).toMatchObject({ admin: false, permissions: ['api'] });
  });

  test('the last admin can be neither deleted nor demoted, the one before it can', async () => {
    const { store } = await stores.open();
    await store.create(admin('one'));
    await store.create(admin('two'));
    await store.create(plain('stan'));
    expect(await store.delete('one')).toBe('deleted');
    expect(await store.delete('two')).toBe('last-admin');
    expect(await store.update('two', { admin: false })).toBe('last-admin');
    expect(await store.update('two', { hash: someHash(5) })).toMatchObject({ admin: true });
    expect(await store.delete('stan')).toBe('deleted');
    expect(store.get('two')).toMatchObject({ admin: true, hash: someHash(5) });
  });

  test('of two admins who go at once, one stays', async () => {
    const { store } = await stores.open();
    await store.create(admin('one'));
    await store.create(admin('two'));
    const outcomes = await Promise.all([
      store.delete('one'),
      store.update('two', { admin: false }),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'last-admin')).toHaveLength(1);
    expect(store.summary().admins).toBe(1);
  });

  test('the first admin is made once, and never again', async () => {
    const { store } = await stores.open();
    expect(store.everHadAdmin()).toBe(false);
    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((name) => store.createFirstAdmin(plain(name))),
    );
    expect([...outcomes].sort()).toEqual(['created', 'too-late', 'too-late']);
    expect(store.summary()).toMatchObject({ users: 1, admins: 1, everHadAdmin: true });
  });

  test('the first admin does not take over the name of a user', async () => {
    const { store } = await stores.open();
    await store.create(plain('stan'));
    expect(await store.createFirstAdmin(admin('stan'))).toBe('exists');
    expect(store.everHadAdmin()).toBe(false);
  });

  test('an admin made in any way closes the bootstrap', async () => {
    const { store } = await stores.open();
    await store.create(plain('stan'));
    await store.update('stan', { admin: true });
    expect(await store.createFirstAdmin(admin('root'))).toBe('too-late');
  });

  test('renews a hash only where it is still the old one', async () => {
    const { store } = await stores.open();
    await store.create(plain('stan'));
    await store.renewHash('stan', someHash(), someHash(6));
    expect(store.find('stan')?.hash).toBe(someHash(6));
    await store.renewHash('stan', someHash(), someHash(7));
    expect(store.find('stan')?.hash).toBe(someHash(6));
    await store.renewHash('nobody', someHash(), someHash(7));
    expect(store.find('nobody')).toBeUndefined();
  });

  test('the highest cost follows the hashes, and is never below the configured one', async () => {
    const { store } = await stores.open();
    expect(store.highestCost()).toBe(4);
    await store.create({ ...plain('slow'), hash: someHash(12) });
    await store.create({ ...plain('fast'), hash: someHash(5) });
    expect(store.highestCost()).toBe(12);
    await store.delete('slow');
    expect(store.highestCost()).toBe(5);
    await store.delete('fast');
    expect(store.highestCost()).toBe(4);
  });

  test('lists by the bytes of the names, across all pages', async () => {
    const { store } = await stores.open();
    const names = Array.from({ length: 2500 }, (_, index) => `u${index}`);
    names.push('Z', 'é', '管', '\u{10400}', '\uff21');
    await Promise.all(names.map((name) => store.create(plain(name))));
    const want = [...names].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    expect([...store.names()]).toEqual(want);
    expect(Array.from(store.list(), ({ name }) => name)).toEqual(want);
  });

  test('a list that is left early, and changed meanwhile, goes on', async () => {
    const { store } = await stores.open();
    await Promise.all(['a', 'b', 'c'].map((name) => store.create(plain(name))));
    for (const user of store.list()) {
      if (user.name === 'a') await store.delete('b');
      expect(user.name).not.toBe('b');
      if (user.name === 'c') break;
    }
    expect([...store.names()]).toEqual(['a', 'c']);
  });

  test('a record that cannot be read is a fault, and not "no such user"', async () => {
    const { store, path } = await stores.open();
    await store.create(admin('root'));
    await store.close();
    const data = join(path, 'data.mdb');
    const bytes = await readFile(data);
    for (let at = bytes.indexOf('"name":"root"'); at >= 0;) {
      bytes.write('"nome"', at);
      at = bytes.indexOf('"name":"root"', at);
    }
    await writeFile(data, bytes);
    const again = (await stores.open(path)).store;
    const fault = `cannot read user "root" in the user store "${path}": its record is damaged (field "name")`;
    expect(() => again.find('root')).toThrow(fault);
    expect(() => again.get('root')).toThrow(UserStoreError);
    await expect(again.create(plain('root'))).rejects.toThrow(fault);
    await expect(again.delete('root')).rejects.toThrow(fault);
    expect(again.find('other')).toBeUndefined();
  });

  test('nothing of a write stays that could not be made', async () => {
    const { store } = await stores.open();
    await expect(store.create({ ...plain('stan'), hash: 'secret' })).rejects.toThrow(/BUG.*"hash"/);
    expect(store.get('stan')).toBeUndefined();
    expect(store.summary().users).toBe(0);
  });

  test('two stores on one directory in one process see each other', async () => {
    const { store, path } = await stores.open();
    const other = (await stores.open(path)).store;
    await store.create(admin('root'));
    expect(other.find('root')?.rights().admin).toBe(true);
    await store.close();
    await other.create(plain('stan'));
    expect(other.find('stan')?.name).toBe('stan');
  });

  test('its summary is what a recount gives, after any changes', async () => {
    const change = fc.record({
      name: fc.constantFrom('a', 'b', 'c', '__proto__'),
      kind: fc.constantFrom('create', 'first', 'update', 'delete', 'renew'),
      admin: fc.boolean(),
      cost: fc.integer({ min: 4, max: 31 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(change, { maxLength: 20 }), async (changes) => {
        const { store } = await stores.open();
        let everHadAdmin = false;
        for (const { name, kind, ...values } of changes) {
          const hash = someHash(values.cost);
          const user = { name, admin: values.admin, hash, permissions: [] };
          if (kind === 'create') await store.create(user);
          else if (kind === 'first') await store.createFirstAdmin(user);
          else if (kind === 'update') await store.update(name, { admin: values.admin, hash });
          else if (kind === 'delete') await store.delete(name);
          else await store.renewHash(name, store.get(name)?.hash ?? '', hash);
          const all = [...store.list()];
          const admins = all.filter((each) => each.admin).length;
          everHadAdmin ||= admins > 0;
          if (everHadAdmin) expect(admins).toBeGreaterThan(0);
          expect(store.summary()).toMatchObject({ users: all.length, admins, everHadAdmin });
          const highest = Math.max(4, ...all.map((each) => costOf(each.hash) ?? 0));
          expect(store.highestCost()).toBe(highest);
        }
      }),
      { numRuns: 20 },
    );
  });

  test('a hash of a real password verifies after the round trip', async () => {
    const { store } = await stores.open();
    const hash = await hashCheaply('pass');
    await store.create({ ...plain('stan'), hash });
    expect(store.find('stan')?.hash).toBe(hash);
  });
});
