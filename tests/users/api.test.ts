import { describe, expect, test } from '@jest/globals';
import bcrypt from 'bcrypt';
import { createUsersApi } from '../../src/users/api.ts';
import type { UsersApi } from '../../src/users/api.ts';
import { UserStoreError } from '../../src/users/fault.ts';
import type { UserEvent } from '../../src/users/operations.ts';
import type { UserStore } from '../../src/users/store.ts';
import type { Answer } from '../../src/kernel/answer.ts';
import { GatewayError } from '../../src/kernel/errors.ts';
import type { Identity } from '../../src/kernel/identity.ts';
import { readTarget } from '../../src/kernel/target.ts';
import type { Method } from '../../src/kernel/target.ts';
import { hashCheaply, someHash } from './hash.ts';
import { ROOT, somebody } from './identities.ts';
import { useStores } from './open-stores.ts';

const stores = useStores();

const FIRST: Identity = { ...somebody('', 'bootstrap'), admin: true };

interface Setting {
  readonly api: UsersApi;
  readonly store: UserStore;
  readonly events: readonly UserEvent[];
  readonly ask: (
    method: Method,
    target: string,
    body?: unknown,
    identity?: Identity,
  ) => Promise<Answer>;
}

/** An API over a store of its own, with an admin `root` and a plain user `stan` unless it is to be empty. */
async function setting(kind: 'filled' | 'empty' = 'filled'): Promise<Setting> {
  const { store } = await stores.open();
  if (kind === 'filled') {
    await store.create({ name: 'root', admin: true, hash: someHash(), permissions: [] });
    await store.create({ name: 'stan', admin: false, hash: someHash(), permissions: ['api'] });
  }
  const events: UserEvent[] = [];
  const api = createUsersApi({
    store,
    hashPassword: hashCheaply,
    onChange: (event) => events.push(event),
  });
  const ask = (
    method: Method,
    target: string,
    body: unknown = '',
    identity = ROOT,
  ): Promise<Answer> => {
    const reading = readTarget(method, target);
    if (reading.kind !== 'target') throw new Error(reading.kind);
    const bytes = Buffer.from(typeof body === 'string' ? body : JSON.stringify(body));
    return api.answer(identity, { ...reading.target, readBody: () => Promise.resolve(bytes) });
  };
  return { api, store, events, ask };
}

const USERS = '/kapacitor/v1/users';
const pretty = (message: string): string =>
  `{\n    "error": ${JSON.stringify(message)},\n    "message": ${JSON.stringify(message)}\n}`;
const compact = (message: string): string => JSON.stringify({ error: message, message });

const STAN = `{
    "link": {
        "rel": "self",
        "href": "/kapacitor/v1/users/stan"
    },
    "name": "stan",
    "type": "normal",
    "permissions": [
        "api"
    ]
}`;

describe('GET', () => {
  test('shows a user in the form of Kapacitor', async () => {
    const { ask } = await setting();
    expect(await ask('GET', `${USERS}/stan`)).toEqual({
      status: 200,
      headers: { 'Content-Type': 'application/json; charset=utf-8' },
      body: STAN,
    });
  });

  test('shows it under the preview prefix too, with the same link', async () => {
    const { ask } = await setting();
    expect((await ask('GET', '/kapacitor/v1preview/users/stan')).body).toBe(STAN);
  });

  test('lists users in the form of Kapacitor', async () => {
    const { ask } = await setting();
    const { status, body } = await ask('GET', USERS);
    expect(status).toBe(200);
    expect(body).toBe(`{
    "users": [
        {
            "link": {
                "rel": "self",
                "href": "/kapacitor/v1/users/root"
            },
            "name": "root",
            "permissions": [],
            "type": "admin"
        },
        {
            "link": {
                "rel": "self",
                "href": "/kapacitor/v1/users/stan"
            },
            "name": "stan",
            "permissions": [
                "api"
            ],
            "type": "normal"
        }
    ]
}`);
  });

  test('lists the fields asked for, and always name and link', async () => {
    const { ask } = await setting();
    const { body } = await ask('GET', `${USERS}?fields=type&fields=type&pattern=s*`);
    expect(JSON.parse(body)).toEqual({
      users: [{ link: { rel: 'self', href: `${USERS}/stan` }, name: 'stan', type: 'normal' }],
    });
  });

  test('lists nobody as an empty list', async () => {
    const { ask } = await setting();
    expect((await ask('GET', `${USERS}?offset=7`)).body).toBe('{\n    "users": []\n}');
  });

  test('never shows a hash', async () => {
    const { ask } = await setting();
    for (const target of [USERS, `${USERS}/stan`, `${USERS}?fields=type`]) {
      expect((await ask('GET', target)).body).not.toContain(someHash());
    }
  });

  function fails(target: string, status: number, message: string): void {
    test(`of ${target} is ${status}`, async () => {
      const { ask } = await setting();
      expect(await ask('GET', target)).toMatchObject({ status, body: pretty(message) });
    });
  }

  fails(`${USERS}/nobody`, 404, 'no user exists');
  fails(`${USERS}/stan/x`, 404, 'no user exists');
  fails(`${USERS}/__proto__`, 404, 'no user exists');
  fails(`${USERS}/${'x'.repeat(10_000)}`, 404, 'no user exists');
  fails(`${USERS}/`, 400, 'must specify username on path');
  fails(`${USERS}?fields=hash`, 400, 'unsupported field "hash"');
  fails(`${USERS}?pattern=[`, 400, 'invalid pattern "[": syntax error in pattern');
});

describe('POST', () => {
  test('creates a user whose password is hashed', async () => {
    const { ask, store, events } = await setting();
    const user = { name: 'bob', password: 'pass', type: 'normal', permissions: ['config_api'] };
    const answer = await ask('POST', USERS, user);
    expect(answer).toMatchObject({ status: 200 });
    expect(JSON.parse(answer.body)).toEqual({
      link: { rel: 'self', href: `${USERS}/bob` },
      name: 'bob',
      type: 'normal',
      permissions: ['config_api'],
    });
    expect(await bcrypt.compare('pass', store.get('bob')?.hash ?? '')).toBe(true);
    expect(events).toEqual([
      {
        actor: 'root',
        method: 'basic',
        action: 'created',
        user: 'bob',
        details: { type: 'normal', permissions: ['config_api'] },
      },
    ]);
  });

  test('makes a normal user without permissions where nothing else is said', async () => {
    const { ask, store } = await setting();
    await ask('POST', USERS, { name: 'bob', password: 'pass' });
    expect(store.get('bob')).toMatchObject({ admin: false, permissions: [] });
  });

  test('shows permissions as Kapacitor does', async () => {
    const { ask } = await setting();
    const shown = async (name: string, permissions: readonly string[]): Promise<unknown> => {
      const { body } = await ask('POST', USERS, { name, password: 'p', permissions });
      return (JSON.parse(body) as { permissions: unknown }).permissions;
    };
    expect(await shown('a', ['none'])).toEqual([]);
    expect(await shown('b', ['write_points', 'config_api', 'api'])).toEqual(['all']);
    expect(await shown('c', ['write_points:db', 'api:/tasks:read', 'api'])).toEqual([
      'api',
      'write_points:db',
      'api:/tasks:read',
    ]);
  });

  for (const name of ['__proto__', 'constructor', '管理者', 'x'.repeat(255), 'a.b@c-d_e']) {
    test(`creates ${name.slice(0, 20)}`, async () => {
      const { ask, store } = await setting();
      const body = `{"name":${JSON.stringify(name)},"password":"pass"}`;
      expect((await ask('POST', USERS, body)).status).toBe(200);
      expect(store.find(name)?.name).toBe(name);
      const one = await ask('GET', `${USERS}/${encodeURIComponent(name)}`);
      expect(JSON.parse(one.body)).toMatchObject({ name });
    });
  }

  test('of a name that is taken is 409, and changes nothing', async () => {
    const { ask, store, events } = await setting();
    const before = store.get('stan');
    const answer = await ask('POST', USERS, { name: 'stan', password: 'x', type: 'admin' });
    expect(answer).toMatchObject({ status: 409, body: pretty('user already exists') });
    expect(store.get('stan')).toEqual(before);
    expect(events).toEqual([]);
  });

  test('of one name twice at once makes one', async () => {
    const { ask, events } = await setting();
    const both = await Promise.all(
      ['a', 'b'].map((password) => ask('POST', USERS, { name: 'bob', password })),
    );
    expect(both.map(({ status }) => status).sort()).toEqual([200, 409]);
    expect(events).toHaveLength(1);
  });

  function refuses(body: unknown, message: string): void {
    test(`of ${JSON.stringify(body).slice(0, 60)} is 400`, async () => {
      const { ask, store } = await setting();
      const answer = await ask('POST', USERS, body);
      expect(answer).toMatchObject({ status: 400, body: pretty(message) });
      expect(store.summary().users).toBe(2);
    });
  }

  refuses('', 'invalid JSON');
  refuses('{"name":', 'invalid JSON');
  refuses({}, 'username is required');
  refuses({ password: 'x' }, 'username is required');
  refuses({ name: 'bob' }, 'password is required');
  refuses({ name: 'bob', password: '' }, 'password is required');
  refuses(
    { name: 'a b', password: 'x' },
    `username must contain only letters, numbers, '-', '.', '@' and '_'. "a b"`,
  );
  refuses(
    { name: 'a\0', password: 'x' },
    `username must contain only letters, numbers, '-', '.', '@' and '_'. "a\\x00"`,
  );
  refuses(
    { name: 'x'.repeat(10_000), password: 'x' },
    'username must be at most 255 bytes long in UTF-8',
  );
  refuses(
    { name: 'bob', password: 'x'.repeat(73) },
    'password must be at most 72 bytes long in UTF-8',
  );
  refuses({ name: 'bob', password: 'a\0b' }, 'password must not contain the character NUL');
  refuses(
    { name: 'bob', password: 'x', type: 'user' },
    'invalid JSON: "type" must be "admin" or "normal"',
  );
  refuses('{"name":"bob","name":"eve","password":"x"}', 'invalid JSON: a key stands there twice');

  test('of an unknown permission is 400, begins with "invalid JSON" and says what there is', async () => {
    const { ask } = await setting();
    const answer = await ask('POST', USERS, { name: 'b', password: 'x', permissions: ['root'] });
    expect(answer.status).toBe(400);
    expect(JSON.parse(answer.body)).toHaveProperty(
      'error',
      expect.stringMatching(/^invalid JSON: unknown permission "root": .*config_api/),
    );
  });
});

describe('PATCH', () => {
  test('changes what is said, and keeps the rest', async () => {
    const { ask, store, events } = await setting();
    const answer = await ask('PATCH', `${USERS}/stan`, { password: 'new' });
    expect(answer).toMatchObject({ status: 200, body: STAN });
    expect(await bcrypt.compare('new', store.get('stan')?.hash ?? '')).toBe(true);
    expect(events).toEqual([
      {
        actor: 'root',
        method: 'basic',
        action: 'updated',
        user: 'stan',
        details: { password: 'changed' },
      },
    ]);
  });

  function changes(body: unknown, want: Record<string, unknown>): void {
    test(`of ${JSON.stringify(body)}`, async () => {
      const { ask, store } = await setting();
      expect((await ask('PATCH', `${USERS}/stan`, body)).status).toBe(200);
      const before = { admin: false, hash: someHash(), permissions: ['api'] };
      expect(store.get('stan')).toMatchObject({ ...before, ...want });
    });
  }

  changes({}, {});
  changes('null', {});
  changes({ password: '', type: '' }, {});
  changes({ password: null, type: null, permissions: null }, {});
  changes({ permissions: [] }, { permissions: [] });
  changes({ permissions: ['none'] }, { permissions: ['none'] });
  changes({ permissions: ['all', 'all'] }, { permissions: ['all'] });
  changes({ type: 'normal' }, {});
  changes({ type: 'admin' }, { admin: true, permissions: [] });
  changes({ type: 'admin', permissions: ['api'] }, { admin: true, permissions: [] });
  changes({ name: 'other', link: {} }, {});

  function fails(target: string, body: unknown, status: number, message: string): void {
    test(`of ${target} with ${JSON.stringify(body).slice(0, 50)} is ${status}`, async () => {
      const { ask, store } = await setting();
      const answer = await ask('PATCH', target, body);
      expect(answer).toMatchObject({ status, body: pretty(message) });
      expect(store.get('root')).toMatchObject({ admin: true, hash: someHash() });
    });
  }

  fails(`${USERS}/nobody`, { password: 'x' }, 404, 'no user exists');
  fails(`${USERS}/`, {}, 400, 'must specify username on path');
  fails(`${USERS}/root`, '', 400, 'invalid JSON');
  fails(
    `${USERS}/root`,
    { password: 'x'.repeat(73) },
    400,
    'password must be at most 72 bytes long in UTF-8',
  );
  fails(
    `${USERS}/root`,
    { type: 'normal', password: 'x' },
    409,
    'the last admin can be neither deleted nor demoted: make another admin first',
  );
});

describe('DELETE', () => {
  test('deletes, and says 204 also of who is not there', async () => {
    const { ask, store, events } = await setting();
    expect(await ask('DELETE', `${USERS}/stan`)).toEqual({ status: 204, headers: {}, body: '' });
    expect(await ask('DELETE', `${USERS}/stan`)).toEqual({ status: 204, headers: {}, body: '' });
    expect(store.get('stan')).toBeUndefined();
    expect(events).toEqual([
      { actor: 'root', method: 'basic', action: 'deleted', user: 'stan', details: {} },
    ]);
  });

  test('of the last admin is 409', async () => {
    const { ask, store } = await setting();
    expect((await ask('DELETE', `${USERS}/root`)).status).toBe(409);
    expect(store.get('root')?.admin).toBe(true);
  });

  test('of nobody in particular is 400', async () => {
    const { ask } = await setting();
    expect(await ask('DELETE', `${USERS}/`)).toMatchObject({
      status: 400,
      body: pretty('must specify username on path'),
    });
  });
});

describe('what is no route of the API', () => {
  const routes: readonly (readonly [Method, string])[] = [
    ['HEAD', USERS],
    ['HEAD', `${USERS}/stan`],
    ['HEAD', `${USERS}/`],
    ['PUT', USERS],
    ['PATCH', USERS],
    ['DELETE', USERS],
    ['PUT', `${USERS}/stan`],
    ['POST', `${USERS}/stan`],
    ['POST', `${USERS}/`],
    ['PUT', `${USERS}/`],
    ['GET', `${USERS}x`],
  ];
  for (const [method, target] of routes) {
    test(`${method} ${target} is Kapacitor's 404`, async () => {
      const { ask } = await setting();
      const answer = await ask(method, target, { name: 'x', password: 'x' });
      expect(answer).toMatchObject({ status: 404, body: pretty('Not Found') });
    });
  }
});

describe('who is no admin', () => {
  test('may set their own password over Basic', async () => {
    const { ask, store, events } = await setting();
    const answer = await ask('PATCH', `${USERS}/stan`, { password: 'new' }, somebody('stan'));
    expect(answer).toMatchObject({ status: 200, body: STAN });
    expect(await bcrypt.compare('new', store.get('stan')?.hash ?? '')).toBe(true);
    expect(events).toEqual([
      {
        actor: 'stan',
        method: 'basic',
        action: 'updated',
        user: 'stan',
        details: { password: 'changed' },
      },
    ]);
  });

  function forbids(
    method: Method,
    target: string,
    body: unknown,
    privilege: string,
    identity = somebody('stan'),
  ): void {
    test(`${identity.name} (${identity.method}) may not ${method} ${target} ${JSON.stringify(body)}`, async () => {
      const { ask, store, events } = await setting();
      const before = [...store.list()];
      const answer = await ask(method, target, body, identity);
      const message = `user ${identity.name} does not have "${privilege}" privilege for API endpoint "${target}"`;
      expect(answer).toMatchObject({ status: 403, body: compact(message) });
      expect([...store.list()]).toEqual(before);
      expect(events).toEqual([]);
    });
  }

  const OWN = `${USERS}/stan`;
  const PASSWORD = { password: 'new' };
  forbids('GET', USERS, '', 'read');
  forbids('GET', OWN, '', 'read');
  forbids('GET', `${USERS}/nobody`, '', 'read');
  forbids('POST', USERS, { name: 'x', password: 'x', type: 'admin' }, 'write');
  forbids('PUT', USERS, '', 'write');
  forbids('PUT', OWN, PASSWORD, 'write');
  forbids('DELETE', OWN, '', 'delete');
  forbids('PATCH', `${USERS}/root`, PASSWORD, 'write');
  forbids('PATCH', `${USERS}/nobody`, PASSWORD, 'write');
  forbids('PATCH', `${USERS}/`, PASSWORD, 'write');
  forbids('PATCH', USERS, PASSWORD, 'write');
  forbids('PATCH', OWN, { type: 'admin' }, 'write');
  forbids('PATCH', OWN, { ...PASSWORD, type: 'admin' }, 'write');
  forbids('PATCH', OWN, { ...PASSWORD, type: 'normal' }, 'write');
  forbids('PATCH', OWN, { ...PASSWORD, permissions: ['all'] }, 'write');
  forbids('PATCH', OWN, { ...PASSWORD, permissions: null }, 'write');
  forbids('PATCH', OWN, { ...PASSWORD, extra: 1 }, 'write');
  forbids('PATCH', OWN, { password: null }, 'write');
  forbids('PATCH', OWN, {}, 'write');
  forbids('PATCH', OWN, PASSWORD, 'write', somebody('stan', 'bearer'));
  forbids('PATCH', OWN, PASSWORD, 'write', somebody('stan', 'query'));
  forbids('PATCH', OWN, PASSWORD, 'write', somebody('stan', 'subscription'));
  forbids('PATCH', OWN, PASSWORD, 'write', somebody('stan', 'anonymous'));
  forbids('PATCH', `${USERS}/`, PASSWORD, 'write', somebody(''));
  forbids('GET', USERS, '', 'read', { ...ROOT, name: '', method: 'anonymous' });
  forbids('POST', USERS, { name: 'x', password: 'x' }, 'write', {
    ...ROOT,
    name: '',
    method: 'anonymous',
  });

  test('a body that names type through another case is no way around', async () => {
    const { ask, store } = await setting();
    for (const body of ['{"password":"a","TYPE":"admin"}', '{"password":"a","Password":"b"}']) {
      const { status } = await ask('PATCH', OWN, body, somebody('stan'));
      expect(status).toBeGreaterThanOrEqual(400);
    }
    expect(store.get('stan')).toMatchObject({ admin: false, hash: someHash() });
  });

  test('who was deleted meanwhile is nobody any more', async () => {
    const { ask, store } = await setting();
    await store.delete('stan');
    const answer = ask('PATCH', OWN, PASSWORD, somebody('stan'));
    await expect(answer).rejects.toMatchObject({ code: 'unauthorized' });
  });
});

describe('the bootstrap', () => {
  const FIRST_ADMIN = { name: 'admin', password: 'secret', type: 'admin' };
  const refusal = expect.objectContaining({
    code: 'unauthorized',
    message: 'unable to parse authentication credentials',
  });

  test('makes the first admin', async () => {
    const { ask, store, events } = await setting('empty');
    const answer = await ask('POST', USERS, FIRST_ADMIN, FIRST);
    expect(answer.status).toBe(200);
    expect(JSON.parse(answer.body)).toMatchObject({ name: 'admin', type: 'admin' });
    expect(store.everHadAdmin()).toBe(true);
    expect(events).toEqual([
      {
        actor: '',
        method: 'bootstrap',
        action: 'created',
        user: 'admin',
        details: { type: 'admin', permissions: [] },
      },
    ]);
  });

  test('makes one, of two that come at once', async () => {
    const { ask, store } = await setting('empty');
    const outcomes = await Promise.allSettled(
      ['a', 'b'].map((name) => ask('POST', USERS, { ...FIRST_ADMIN, name }, FIRST)),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    expect(failed?.reason).toEqual(refusal);
    expect(store.summary()).toMatchObject({ users: 1, admins: 1 });
  });

  test('is over for good once there was an admin', async () => {
    const { ask, store } = await setting();
    await expect(ask('POST', USERS, FIRST_ADMIN, FIRST)).rejects.toEqual(refusal);
    expect(store.get('admin')).toBeUndefined();
  });

  for (const type of ['normal', '', undefined]) {
    test(`makes nobody of type ${JSON.stringify(type)}`, async () => {
      const { ask, store } = await setting('empty');
      await expect(ask('POST', USERS, { ...FIRST_ADMIN, type }, FIRST)).rejects.toEqual(refusal);
      expect(store.summary().users).toBe(0);
    });
  }

  const others: readonly (readonly [Method, string])[] = [
    ['GET', USERS],
    ['PATCH', USERS],
    ['DELETE', `${USERS}/x`],
    ['POST', `${USERS}/`],
    ['POST', `${USERS}/x`],
  ];
  for (const [method, target] of others) {
    test(`is not ${method} ${target}`, async () => {
      const { ask } = await setting('empty');
      await expect(ask(method, target, FIRST_ADMIN, FIRST)).rejects.toEqual(refusal);
    });
  }

  test('says what is wrong with its body', async () => {
    const { ask, store } = await setting('empty');
    expect(await ask('POST', USERS, '{', FIRST)).toMatchObject({ status: 400 });
    const nobody = await ask('POST', USERS, { ...FIRST_ADMIN, password: '' }, FIRST);
    expect(nobody).toMatchObject({ status: 400, body: pretty('password is required') });
    expect(store.everHadAdmin()).toBe(false);
  });
});

describe('who loses their rights while their body arrives or is hashed', () => {
  const EVE: Identity = { ...somebody('eve'), admin: true };
  type Change = (store: UserStore) => Promise<unknown>;
  const CHANGES: readonly (readonly [string, Change])[] = [
    ['deleted', (store) => store.delete('eve')],
    ['demoted', (store) => store.update('eve', { admin: false })],
    ['given another password', (store) => store.update('eve', { hash: someHash(5) })],
  ];

  /** Sends a request to a store with a second admin `eve`; the change happens at that moment of it. */
  async function ask(
    moment: 'body' | 'hash',
    change: Change,
    identity: Identity,
    request: { method: Method; path: string; body: unknown },
  ): Promise<{ answer: Promise<Answer>; store: UserStore }> {
    const { store } = await setting();
    await store.create({ name: 'eve', admin: true, hash: someHash(), permissions: [] });
    // The times of records are in milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 2));
    const api = createUsersApi({
      store,
      hashPassword: async (password) => {
        if (moment === 'hash') await change(store);
        return hashCheaply(password);
      },
    });
    const readBody = async (): Promise<Buffer> => {
      if (moment === 'body') await change(store);
      return Buffer.from(JSON.stringify(request.body));
    };
    return { answer: api.answer(identity, { ...request, query: [], readBody }), store };
  }

  for (const moment of ['body', 'hash'] as const) {
    test.each(CHANGES)(`makes no user any more (${moment}): %s`, async (_, change) => {
      const body = { name: 'backdoor', password: 'x', type: 'admin' };
      const { answer, store } = await ask(moment, change, EVE, {
        method: 'POST',
        path: USERS,
        body,
      });
      await expect(answer).rejects.toMatchObject({ code: 'unauthorized' });
      expect(store.get('backdoor')).toBeUndefined();
    });

    test(`does not take their old password back (${moment})`, async () => {
      const hash = someHash(5);
      const change: Change = (store) => store.update('stan', { hash });
      const { answer, store } = await ask(moment, change, somebody('stan'), {
        method: 'PATCH',
        path: `${USERS}/stan`,
        body: { password: 'old' },
      });
      await expect(answer).rejects.toMatchObject({ code: 'unauthorized' });
      expect(store.get('stan')?.hash).toBe(hash);
    });
  }

  test('a renewed hash takes nothing away', async () => {
    const renew: Change = (store) => store.renewHash('eve', someHash(), someHash(5));
    const body = { name: 'bob', password: 'x' };
    const { answer } = await ask('body', renew, EVE, { method: 'POST', path: USERS, body });
    expect(await answer).toMatchObject({ status: 200 });
  });
});

describe('a fault', () => {
  const request = { method: 'GET', path: `${USERS}/x`, query: [] } as const;
  const readBody = () => Promise.resolve(Buffer.from('{"name":"bob","password":"x"}'));

  test('of the store is "nobody can say", with the reason as its cause', async () => {
    const { store } = await setting();
    const fault = new UserStoreError('read', '/store', new Error('disk'));
    const broken: UserStore = {
      ...store,
      get: () => {
        throw fault;
      },
    };
    const api = createUsersApi({ store: broken, hashPassword: hashCheaply });
    const answer = api.answer(ROOT, { ...request, readBody });
    await expect(answer).rejects.toMatchObject({ code: 'directory-unavailable', cause: fault });
  });

  test('of the hashing or of the body comes through as it is', async () => {
    const { store } = await setting();
    const overloaded = new GatewayError('overloaded');
    const post = { ...request, method: 'POST', path: USERS } as const;
    const busy = createUsersApi({ store, hashPassword: () => Promise.reject(overloaded) });
    await expect(busy.answer(ROOT, { ...post, readBody })).rejects.toBe(overloaded);
    const large = new GatewayError('body-too-large');
    const api = createUsersApi({ store, hashPassword: hashCheaply });
    const answer = api.answer(ROOT, { ...post, readBody: () => Promise.reject(large) });
    await expect(answer).rejects.toBe(large);
  });
});
