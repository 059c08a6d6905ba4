import { describe, expect, test } from '@jest/globals';
import { MetaFault } from '../../src/meta/fault.ts';
import type { MetaFaultKind } from '../../src/meta/fault.ts';
import { eventually } from '../support/eventually.ts';
import { hashOf } from './fake-client.ts';
import { MetaLogins } from './meta-logins.ts';

const EXPIRATION_MS = 600_000;
const KINDS: readonly MetaFaultKind[] = [
  ...(['unreachable', 'certificate', 'timeout', 'credentials', 'forbidden'] as const),
  ...(['server-error', 'redirect', 'bad-answer', 'resting'] as const),
];

describe('calls to the meta node', () => {
  test('a right password asks for the user and the roles, and then for nothing until both expire', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual(['user ann', 'roles']);
    it.pass(EXPIRATION_MS - 1);
    for (let round = 0; round < 5; round++) expect(await it.login('ann', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual([]);
    it.pass(1);
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual(['user ann', 'roles']);
  });

  test('the roles are one table for all users', async () => {
    const it = new MetaLogins();
    for (const name of ['ann', 'ben', 'cid']) it.meta.put(name, 'secret');
    for (const name of ['ann', 'ben', 'cid']) await it.login(name, 'secret');
    expect(it.meta.taken()).toEqual(['user ann', 'roles', 'user ben', 'user cid']);
  });

  test('a wrong password is one call, of a new user and of one long known', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    expect(await it.login('ann', 'x')).toBe(401);
    expect(it.meta.taken()).toEqual(['user ann']);
    await it.login('ann', 'secret');
    it.pass(60_000);
    it.meta.taken();
    expect(await it.login('ann', 'y')).toBe(401);
    expect(it.meta.taken()).toEqual(['user ann']);
  });

  test('wrong passwords of one user are one call in five seconds, whatever they are', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    for (let round = 0; round < 50; round++) {
      expect(await it.login('ann', `wrong ${round}`)).toBe(401);
      it.pass(200);
    }
    expect(it.meta.taken()).toHaveLength(2);
  });

  test('a hundred requests of one new user at once are one call for each thing', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    const all = await Promise.all(Array.from({ length: 100 }, () => it.login('ann', 'secret')));
    expect(new Set(all)).toEqual(new Set(['ok']));
    expect(it.meta.taken()).toEqual(['user ann', 'roles']);
    expect(it.work).toEqual([10]);
  });

  test('so are a hundred with a hundred wrong passwords, also where the copy is old', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    const attempts = (): Promise<unknown[]> =>
      Promise.all(Array.from({ length: 100 }, (_, index) => it.login('ann', `wrong ${index}`)));
    expect(new Set(await attempts())).toEqual(new Set([401]));
    expect(it.meta.taken()).toEqual(['user ann']);
    it.pass(10_000);
    expect(new Set(await attempts())).toEqual(new Set([401]));
    expect(it.meta.taken()).toEqual(['user ann']);
  });

  test('an unknown user is one call in five seconds, costs a comparison, and can be made meanwhile', async () => {
    const it = new MetaLogins();
    for (const password of ['a', 'b', 'c']) expect(await it.login('zoe', password)).toBe(401);
    expect(it.meta.taken()).toEqual(['user zoe']);
    expect(it.work).toEqual([10, 10, 10]);
    it.meta.put('zoe', 'a');
    it.pass(5_000);
    expect(await it.login('zoe', 'a')).toBe('ok');
  });

  test('an unknown user is remembered no longer than cache-expiration', async () => {
    const it = new MetaLogins({ cacheExpirationMs: 1_000 });
    expect(await it.login('zoe', 'a')).toBe(401);
    it.meta.put('zoe', 'b');
    it.pass(1_000);
    expect(await it.login('zoe', 'b')).toBe('ok');
  });

  test('unknown names, any number of them, evict no known user', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    await it.login('ann', 'secret');
    for (let index = 0; index < 20_000; index++) await it.directory.find(`nobody ${index}`);
    it.meta.taken();
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual([]);
  });

  test('what can be no name is not asked for', async () => {
    const it = new MetaLogins();
    for (const name of ['x'.repeat(1025), 'a\ud800b', '\udc00']) {
      expect(await it.login(name, 'x')).toBe(401);
      expect(await it.token(name)).toBe(401);
    }
    expect(it.meta.taken()).toEqual([]);
    for (const name of ['管理者', '🙂', '__proto__', 'constructor', 'a b', '']) {
      expect(await it.login(name, 'x')).toBe(401);
    }
    expect(it.meta.taken()).toHaveLength(5);
  });

  test('users of odd names are themselves', async () => {
    const it = new MetaLogins();
    for (const name of ['__proto__', 'constructor', '管理者', 'c:ann']) {
      it.meta.put(name, `pw ${name}`);
      expect(await it.login(name, `pw ${name}`)).toBe('ok');
      expect(await it.login(name, 'pw')).toBe(401);
    }
  });

  test('nothing is kept where cache-expiration is 0, but who asks at once shares a call', async () => {
    const it = new MetaLogins({ cacheExpirationMs: 0 });
    it.meta.put('ann', 'secret');
    for (let round = 0; round < 2; round++) {
      expect(await it.login('ann', 'secret')).toBe('ok');
      expect(it.meta.taken()).toEqual(['user ann', 'roles']);
    }
    expect(await it.login('ann', 'x')).toBe(401);
    expect(it.meta.taken()).toEqual(['user ann']);
    await Promise.all(Array.from({ length: 20 }, () => it.login('ann', 'secret')));
    expect(it.meta.taken()).toEqual(['user ann', 'roles']);
  });

  test('no hash of the meta node is renewed', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(it.work).toEqual([10]);
    expect(it.told).toEqual([]);
  });
});

describe('a change at the meta node', () => {
  test('a new password works at the next try, and the old one ends with it', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'old');
    await it.login('ann', 'old');
    it.pass(5_000);
    it.meta.put('ann', 'new');
    expect(await it.login('ann', 'new')).toBe('ok');
    expect(await it.login('ann', 'old')).toBe(401);
  });

  test('the old one ends with cache-expiration where nobody tries the new one', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'old');
    await it.login('ann', 'old');
    it.meta.put('ann', 'new');
    it.pass(EXPIRATION_MS - 1);
    expect(await it.login('ann', 'old')).toBe('ok');
    it.pass(1);
    expect(await it.login('ann', 'old')).toBe(401);
  });

  test('a new one that was tried too early works five seconds after the user was read', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'old');
    await it.login('ann', 'old');
    it.pass(4_000);
    expect(await it.login('ann', 'new')).toBe(401);
    it.meta.put('ann', 'new');
    it.pass(1_000);
    expect(await it.login('ann', 'new')).toBe('ok');
  });

  test('a deleted user is out with cache-expiration, and at the next wrong password', async () => {
    const it = new MetaLogins();
    for (const name of ['ann', 'ben']) {
      it.meta.put(name, 'secret');
      await it.login(name, 'secret');
      it.meta.drop(name);
    }
    it.pass(5_000);
    expect(await it.login('ben', 'x')).toBe(401);
    expect(await it.login('ben', 'secret')).toBe(401);
    expect(await it.login('ann', 'secret')).toBe('ok');
    it.pass(EXPIRATION_MS);
    expect(await it.login('ann', 'secret')).toBe(401);
  });

  test('rights follow within cache-expiration, also without another login', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    expect((await it.identity('ann', 'secret')).grants.api.size).toBe(0);
    it.meta.put('ann', 'secret', { '': ['KapacitorAPI'] });
    it.pass(EXPIRATION_MS);
    expect((await it.identity('ann', 'secret')).grants.api.has('/api')).toBe(true);
  });

  test('forget makes the next request ask again', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    await it.login('ann', 'secret');
    it.meta.taken();
    it.directory.forget();
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual(['user ann', 'roles']);
  });

  test('what was under way when all was forgotten is not kept', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'old');
    let open: () => void = () => undefined;
    it.meta.gate = new Promise((resolve) => {
      open = resolve;
    });
    const early = it.login('ann', 'old');
    await eventually('the call', () => it.meta.calls.length === 1);
    it.directory.forget();
    open();
    expect(await early).toBe('ok');
    it.meta.put('ann', 'new');
    expect(await it.login('ann', 'old')).toBe(401);
    expect(await it.login('ann', 'new')).toBe('ok');
  });
});

describe('rights', () => {
  test('are those of the user and of each role that lists them', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret', { telegraf: ['WriteData'] });
    it.meta.putRole('spectre', ['ben', 'ann', 'ann'], { '': ['KapacitorAPI'] });
    it.meta.putRole('others', ['ANN', 'ann '], { '': ['KapacitorConfigAPI'] });
    const { admin, grants, method } = await it.identity('ann', 'secret');
    expect([admin, method]).toEqual([false, 'basic']);
    expect(grants.api.get('/api')?.permission).toBe('KapacitorAPI by role spectre');
    expect(grants.api.get('/api/config')?.privileges.size).toBe(0);
    expect([...grants.databases.keys()]).toEqual(['telegraf']);
  });

  test('the documented role flow lets its member in within cache-expiration', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    expect((await it.identity('ann', 'secret')).grants.api.size).toBe(0);
    it.meta.putRole('spectre', ['ann'], { '': ['KapacitorAPI'] });
    it.pass(EXPIRATION_MS - 1);
    expect((await it.identity('ann', 'secret')).grants.api.size).toBe(0);
    it.pass(1);
    expect((await it.identity('ann', 'secret')).grants.api.has('/api')).toBe(true);
    it.meta.dropRole('spectre');
    it.pass(EXPIRATION_MS);
    expect((await it.identity('ann', 'secret')).grants.api.size).toBe(0);
  });

  test('an admin is who is in meta-admins by name, or by a role', async () => {
    const it = new MetaLogins({ metaAdmins: ['root', 'role:ops'] });
    for (const name of ['root', 'ann', 'ops', 'role:ops', 'Root']) it.meta.put(name, 'secret');
    it.meta.putRole('ops', ['ann']);
    it.meta.putRole('root', ['Root']);
    const admins: string[] = [];
    for (const name of ['root', 'ann', 'ops', 'role:ops', 'Root']) {
      if ((await it.identity(name, 'secret')).admin) admins.push(name);
    }
    expect(admins).toEqual(['root', 'ann']);
  });

  test('unknown permissions grant nothing, and each is told once', async () => {
    const it = new MetaLogins({ cacheExpirationMs: 1_000 });
    for (const name of ['ann', 'ben']) {
      it.meta.put(name, 'secret', { '': ['BrandNew', 'KapacitorAPI'], db: ['BrandNew', 'Newer'] });
    }
    for (let round = 0; round < 3; round++) {
      for (const name of ['ann', 'ben']) {
        expect((await it.identity(name, 'secret')).grants.api.has('/api')).toBe(true);
      }
      it.pass(1_000);
    }
    expect(it.told).toEqual(['unknown: BrandNew of ann', 'unknown: Newer of ann']);
  });

  for (const kind of ['credentials', 'forbidden'] as const) {
    test(`roles that are refused (${kind}) are told once, and users go on with their own`, async () => {
      const it = new MetaLogins({ cacheExpirationMs: 1_000 });
      it.meta.put('ann', 'secret', { '': ['KapacitorAPI'] });
      it.meta.putRole('ops', ['ann'], { '': ['KapacitorConfigAPI'] });
      it.meta.faults.set('roles', kind);
      for (let round = 0; round < 3; round++) {
        const { api } = (await it.identity('ann', 'secret')).grants;
        expect([api.has('/api'), api.get('/api/config')?.privileges.size]).toEqual([true, 0]);
        it.pass(500);
      }
      expect(it.meta.taken().filter((call) => call === 'roles')).toHaveLength(2);
      expect(it.told).toEqual([`roles: ${kind}`]);
      it.meta.recover();
      it.pass(1_000);
      const { api } = (await it.identity('ann', 'secret')).grants;
      expect(api.get('/api/config')?.privileges.size).toBe(3);
    });
  }

  for (const kind of KINDS.filter((each) => each !== 'credentials' && each !== 'forbidden')) {
    test(`roles that nobody can tell (${kind}) are a 503, and no rights without them`, async () => {
      const it = new MetaLogins();
      it.meta.put('ann', 'secret');
      it.meta.faults.set('roles', kind);
      expect(await it.login('ann', 'secret')).toBe(503);
      // The password was right, and remembered: the fast way must fail in the same way.
      expect(await it.login('ann', 'secret')).toBe(503);
      expect(await it.token('ann')).toBe(503);
      it.meta.recover();
      expect(await it.login('ann', 'secret')).toBe('ok');
    });
  }
});

describe('users whose password is kept elsewhere', () => {
  test('are checked by the node: once in cache-expiration', async () => {
    const it = new MetaLogins();
    it.meta.put('ldap', 'secret', {}, true);
    expect(await it.login('ldap', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual(['user ldap', 'authorized ldap', 'roles']);
    it.pass(EXPIRATION_MS - 1);
    expect(await it.login('ldap', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual([]);
    it.pass(1);
    expect(await it.login('ldap', 'secret')).toBe('ok');
    expect(it.meta.taken()).toEqual(['user ldap', 'authorized ldap', 'roles']);
  });

  test('a wrong password is one question, also where the copy is old; again at once it is none', async () => {
    const it = new MetaLogins();
    it.meta.put('ldap', 'secret', {}, true);
    await it.login('ldap', 'secret');
    it.pass(60_000);
    it.meta.taken();
    for (let round = 0; round < 3; round++) expect(await it.login('ldap', 'x')).toBe(401);
    expect(it.meta.taken()).toEqual(['authorized ldap']);
    expect(await it.login('ldap', 'secret')).toBe('ok');
  });

  test.each(['', '\0', 'secret\0', 'x'.repeat(1025)])(
    'nobody is asked about %j',
    async (password) => {
      const it = new MetaLogins();
      it.meta.put('ldap', password, {}, true);
      expect(await it.login('ldap', password)).toBe(401);
      expect(it.meta.taken()).toEqual(['user ldap']);
    },
  );

  test.each(['{SSHA}abc', '$argon2id$v=19$x', '$pbkdf2-sha256$999999999$YQ$YQ', '*'])(
    'so are those whose hash has the unknown form %s',
    async (hash) => {
      const it = new MetaLogins();
      it.meta.putHash('odd', 'secret', hash);
      expect(await it.login('odd', 'secret')).toBe('ok');
      expect(await it.login('odd', hash)).toBe(401);
      expect(it.meta.taken()).toEqual([
        ...['user odd', 'authorized odd', 'roles', 'authorized odd'],
      ]);
    },
  );

  test('so are those whose hash would take hours here, and no thread is kept busy with it', async () => {
    for (const cost of [17, 31]) {
      const it = new MetaLogins();
      it.meta.putHash('dear', 'secret', hashOf('secret', cost));
      expect(await it.login('dear', 'secret')).toBe('ok');
      expect(await it.login('dear', 'other')).toBe(401);
      expect(it.meta.taken()).toEqual([
        ...['user dear', 'authorized dear', 'roles', 'authorized dear'],
      ]);
      expect(it.work).toEqual([]);
    }
  });

  test('who is gone is refused with a password that was right, and one of the same name is another', async () => {
    const it = new MetaLogins({ cacheExpirationMs: 60_000 });
    it.meta.put('ldap', 'secret', {}, true);
    await it.login('ldap', 'secret');
    it.meta.drop('ldap');
    it.directory.forget();
    expect(await it.login('ldap', 'secret')).toBe(401);
  });

  test('a hundred requests at once are one question', async () => {
    const it = new MetaLogins();
    it.meta.put('ldap', 'secret', {}, true);
    await Promise.all(Array.from({ length: 100 }, () => it.login('ldap', 'secret')));
    expect(it.meta.taken()).toEqual(['user ldap', 'authorized ldap', 'roles']);
  });

  test('where the node cannot say it is a 503, and within a second nobody is asked again', async () => {
    const it = new MetaLogins();
    it.meta.put('ldap', 'secret', {}, true);
    it.meta.faults.set('authorized', 'timeout');
    expect(await it.login('ldap', 'secret')).toBe(503);
    expect(await it.login('ldap', 'secret')).toBe(503);
    expect(await it.login('ldap', 'other')).toBe(503);
    expect(it.meta.taken()).toEqual(['user ldap', 'authorized ldap', 'authorized ldap']);
    it.meta.recover();
    it.pass(1_000);
    expect(await it.login('ldap', 'secret')).toBe('ok');
  });
});

describe('an outage without meta-stale', () => {
  for (const kind of KINDS) {
    test(`(${kind}) is a 503 for whoever is not known, never a 401; and the next answer counts`, async () => {
      const it = new MetaLogins();
      it.meta.put('ann', 'secret');
      it.meta.fail(kind);
      for (const password of ['secret', 'x']) expect(await it.login('ann', password)).toBe(503);
      expect(await it.login('zoe', 'x')).toBe(503);
      expect(await it.token('ann')).toBe(503);
      await expect(it.authenticate('ann', 'secret')).rejects.toMatchObject({
        code: 'directory-unavailable',
        message: 'the meta node cannot say who the user is at the moment, try again',
        cause: expect.any(MetaFault),
      });
      it.meta.recover();
      expect(await it.login('ann', 'secret')).toBe('ok');
      expect(await it.login('ann', 'x')).toBe(401);
    });
  }

  test('who is known goes on until cache-expiration, then it is 503', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    await it.login('ann', 'secret');
    it.meta.fail();
    it.pass(EXPIRATION_MS - 1);
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(await it.token('ann')).toBe('ok');
    it.pass(1);
    expect(await it.login('ann', 'secret')).toBe(503);
    expect(await it.token('ann')).toBe(503);
  });

  test('a password that does not match a young copy is wrong; an older copy cannot say', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    await it.login('ann', 'secret');
    it.meta.fail();
    it.pass(4_999);
    expect(await it.login('ann', 'x')).toBe(401);
    it.pass(1);
    expect(await it.login('ann', 'x')).toBe(503);
    expect(await it.login('ann', 'secret')).toBe('ok');
  });

  test('is told when it begins and when it ends, once each', async () => {
    const it = new MetaLogins();
    it.meta.put('ann', 'secret');
    it.meta.fail('timeout');
    for (let round = 0; round < 5; round++) {
      await it.login('ann', 'secret');
      it.pass(100);
    }
    it.meta.recover();
    await it.login('ann', 'secret');
    await it.login('zoe', 'secret');
    expect(it.told).toEqual(['out: timeout', 'back: 500 ms, 0 went on']);
    expect(it.directory.counts()).toEqual({ isOut: false, outages: 1, wentOn: 0 });
  });
});

describe('an outage with meta-stale', () => {
  const STALE_MS = 3_600_000;

  /** Ann was verified, her copy is at its end, and the node is gone. */
  async function outage(kind: MetaFaultKind = 'unreachable'): Promise<MetaLogins> {
    const it = new MetaLogins({ staleMs: STALE_MS });
    it.meta.put('ann', 'secret', { '': ['KapacitorAPI'] });
    it.meta.put('ben', 'secret');
    it.meta.putRole('ops', ['ann'], { '': ['KapacitorConfigAPI'] });
    await it.login('ann', 'secret');
    await it.directory.find('ben');
    it.meta.fail(kind);
    it.pass(EXPIRATION_MS);
    return it;
  }

  for (const kind of KINDS) {
    test(`(${kind}) lets who was verified go on, with their roles, until it is over`, async () => {
      const it = await outage(kind);
      for (let passedMs = 0; passedMs < STALE_MS; passedMs += STALE_MS / 20) {
        const { grants } = await it.identity('ann', 'secret');
        expect([...grants.api.keys()]).toEqual(['/api', '/api/config', '/api/ping']);
        expect(await it.token('ann')).toBe('ok');
        it.pass(STALE_MS / 20);
      }
      expect(await it.login('ann', 'secret')).toBe(503);
      expect(await it.token('ann')).toBe(503);
    });
  }

  test('never lets in, and never refuses, who was not verified, or with another password', async () => {
    const it = await outage();
    for (let round = 0; round < 10; round++) {
      expect(await it.login('ben', 'secret')).toBe(503);
      expect(await it.login('ann', 'other')).toBe(503);
      expect(await it.login('ann', '')).toBe(503);
      expect(await it.login('zoe', 'x')).toBe(503);
      it.pass(700);
    }
  });

  test('a known bearer goes on with a copy, verified or not', async () => {
    const it = await outage();
    expect(await it.token('ben')).toBe('ok');
    expect(await it.token('zoe')).toBe(503);
  });

  test('ends at the next try once the node is back, with what it says then', async () => {
    const it = await outage();
    expect(await it.login('ann', 'secret')).toBe('ok');
    it.meta.recover();
    it.meta.put('ann', 'new');
    it.pass(1_000);
    // This request goes on with the copy, and has it read anew behind its back.
    expect(await it.login('ann', 'secret')).toBe('ok');
    await new Promise((resolve) => setImmediate(resolve));
    expect(await it.login('ann', 'secret')).toBe(401);
    expect(await it.login('ann', 'new')).toBe('ok');
  });

  test('that lies long back is no news: the next request waits for the node', async () => {
    const it = await outage();
    expect(await it.login('ann', 'secret')).toBe('ok');
    it.meta.recover();
    it.meta.drop('ann');
    it.pass(30_000);
    expect(await it.login('ann', 'secret')).toBe(401);
  });

  test('asks the node about each user once a second, and lets nobody wait for it', async () => {
    const it = await outage();
    expect(await it.login('ann', 'secret')).toBe('ok');
    it.meta.taken();
    // The node does not answer at all any more.
    it.meta.gate = new Promise(() => undefined);
    for (let round = 0; round < 100; round++) {
      expect(await it.login('ann', 'secret')).toBe('ok');
      it.pass(100);
    }
    const asked = it.meta.taken();
    expect(asked.filter((call) => call === 'user ann')).toHaveLength(1);
    expect(asked.filter((call) => call === 'roles')).toHaveLength(1);
  });

  test('counts each login that went on, and tells their number at its end', async () => {
    const it = await outage('timeout');
    for (let round = 0; round < 3; round++) await it.login('ann', 'secret');
    await it.token('ann');
    expect(it.directory.counts()).toEqual({ isOut: true, outages: 1, wentOn: 4 });
    it.meta.recover();
    await it.login('zoe', 'x');
    expect(it.told).toEqual(['out: timeout', 'back: 0 ms, 4 went on']);
  });

  test('a fault of one user does not make another one’s copy stale', async () => {
    const it = await outage();
    expect(await it.login('ann', 'secret')).toBe('ok');
    it.meta.recover();
    it.meta.drop('ben');
    expect(await it.token('ben')).toBe(401);
  });

  test('who was deleted before the outage does not come back by it', async () => {
    const it = new MetaLogins({ staleMs: STALE_MS });
    it.meta.put('ann', 'secret');
    await it.login('ann', 'secret');
    it.meta.drop('ann');
    it.pass(EXPIRATION_MS);
    expect(await it.login('ann', 'secret')).toBe(401);
    it.meta.fail();
    it.pass(5_000);
    expect(await it.login('ann', 'secret')).toBe(503);
  });

  test('a password that was changed before the outage does not come back by it', async () => {
    const it = new MetaLogins({ staleMs: STALE_MS });
    it.meta.put('ann', 'old');
    await it.login('ann', 'old');
    it.meta.put('ann', 'new');
    it.pass(EXPIRATION_MS);
    expect(await it.login('ann', 'new')).toBe('ok');
    it.meta.fail();
    it.pass(EXPIRATION_MS);
    expect(await it.login('ann', 'old')).toBe(503);
    expect(await it.login('ann', 'new')).toBe('ok');
  });

  test('works where nothing is kept but for outages', async () => {
    const it = new MetaLogins({ cacheExpirationMs: 0, staleMs: STALE_MS });
    it.meta.put('ann', 'secret');
    expect(await it.login('ann', 'secret')).toBe('ok');
    it.meta.fail();
    expect(await it.login('ann', 'secret')).toBe('ok');
    expect(await it.login('ann', 'x')).toBe(503);
    it.pass(STALE_MS);
    expect(await it.login('ann', 'secret')).toBe(503);
  });

  test('roles that are refused all of a sudden are kept as in an outage', async () => {
    const it = await outage();
    it.meta.recover();
    it.meta.faults.set('roles', 'credentials');
    const { grants } = await it.identity('ann', 'secret');
    expect(grants.api.get('/api/config')?.privileges.size).toBe(3);
    expect(it.directory.counts().wentOn).toBe(1);
    it.pass(STALE_MS);
    expect(
      (await it.identity('ann', 'secret')).grants.api.get('/api/config')?.privileges.size,
    ).toBe(0);
  });

  test('a user who is checked by the node goes on too, past the end of the verification', async () => {
    const it = new MetaLogins({ staleMs: STALE_MS });
    it.meta.put('ldap', 'secret', {}, true);
    await it.login('ldap', 'secret');
    it.meta.faults.set('authorized', 'server-error');
    it.pass(EXPIRATION_MS);
    // The copy is read anew; only the password cannot be checked.
    for (let round = 0; round < 3; round++) expect(await it.login('ldap', 'secret')).toBe('ok');
    expect(it.meta.taken().filter((call) => call === 'authorized ldap')).toHaveLength(2);
    expect(await it.login('ldap', 'other')).toBe(503);
    it.meta.fail();
    it.pass(STALE_MS - 1);
    expect(await it.login('ldap', 'secret')).toBe('ok');
    it.pass(1);
    expect(await it.login('ldap', 'secret')).toBe(503);
  });

  test('one whose password was found wrong since does not go on with it', async () => {
    const it = new MetaLogins({ staleMs: STALE_MS });
    it.meta.put('ldap', 'secret', {}, true);
    await it.login('ldap', 'secret');
    it.meta.put('ldap', 'other', {}, true);
    it.pass(EXPIRATION_MS);
    expect(await it.login('ldap', 'secret')).toBe(401);
    it.meta.fail();
    it.pass(EXPIRATION_MS);
    expect(await it.login('ldap', 'secret')).toBe(503);
  });
});

describe('the limit of failed logins', () => {
  test('does not stop who was known before, also where neither user nor password are kept any more', async () => {
    const it = new MetaLogins({ failures: 3, cacheExpirationMs: 1_000 });
    it.meta.put('telegraf', 'right');
    expect(await it.login('telegraf', 'right')).toBe('ok');
    for (const guess of ['a', 'b', 'c', 'd']) await it.login('telegraf', guess);
    it.pass(60_000);
    expect(await it.login('telegraf', 'e')).toBe(429);
    expect(await it.login('telegraf', 'right')).toBe('ok');
    it.meta.put('telegraf', 'another');
    it.pass(60_000);
    expect(await it.login('telegraf', 'right')).toBe(401);
    it.pass(10_000);
    expect(await it.login('telegraf', 'right')).toBe(429);
  });

  test('does not count what nobody could say, nor the try that finds a changed password', async () => {
    const it = new MetaLogins({ failures: 3 });
    it.meta.put('ann', 'old');
    await it.login('ann', 'old');
    it.pass(10_000);
    it.meta.fail();
    for (let round = 0; round < 10; round++) {
      expect(await it.login('ann', `new ${round}`)).toBe(503);
      it.pass(1_000);
    }
    it.meta.recover();
    for (let round = 0; round < 10; round++) {
      it.meta.put('ann', `new ${round}`);
      expect(await it.login('ann', `new ${round}`)).toBe('ok');
      it.pass(10_000);
    }
    for (const wrong of ['a', 'b', 'c']) expect(await it.login('ann', wrong)).toBe(401);
    expect(await it.login('ann', 'd')).toBe(429);
  });

  test('counts each wrong password once, also where the copy was old', async () => {
    const it = new MetaLogins({ failures: 3 });
    it.meta.put('ann', 'secret');
    for (const wrong of ['a', 'b', 'c']) {
      expect(await it.login('ann', wrong)).toBe(401);
      it.pass(10_000);
    }
    expect(await it.login('ann', 'd')).toBe(429);
  });

  test('counts wrong passwords of users who are checked by the node', async () => {
    const it = new MetaLogins({ failures: 3 });
    it.meta.put('ldap', 'secret', {}, true);
    for (const wrong of ['a', 'b', 'c']) expect(await it.login('ldap', wrong)).toBe(401);
    it.meta.taken();
    expect(await it.login('ldap', 'd')).toBe(429);
    expect(it.meta.taken()).toEqual([]);
  });
});

describe('an address that guesses', () => {
  test('costs the node nothing any more once it is used up; who was right from there goes on', async () => {
    const it = new MetaLogins({ failures: 2, cacheExpirationMs: 60_000 });
    it.meta.put('ann', 'secret');
    it.meta.put('ben', 'secret');
    expect(await it.login('ann', 'secret')).toBe('ok');
    const outcomes: ('ok' | number)[] = [];
    for (let index = 0; index < 50; index++) outcomes.push(await it.login(`guess ${index}`, 'x'));
    expect(outcomes.filter((outcome) => outcome === 401)).toHaveLength(20);
    expect(outcomes.filter((outcome) => outcome === 429)).toHaveLength(30);
    expect(it.meta.taken()).toHaveLength(22);
    it.pass(60_000);
    expect(await it.login('ben', 'secret')).toBe(429);
    expect(it.meta.taken()).toEqual([]);
    expect(await it.login('ann', 'secret')).toBe('ok');
  });
});
