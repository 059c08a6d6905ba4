import { afterEach, describe, expect, test } from '@jest/globals';
import { Secret } from '../../src/kernel/secret.ts';
import type { MetaFaultKind } from '../../src/meta/fault.ts';
import { saying } from './fake-node.ts';
import type { FakeNodeHandler } from './fake-node.ts';
import { createNodes } from './nodes.ts';
import { faultOf } from './open-client.ts';

const { node, client, end } = createNodes();
afterEach(end);

/** Over before the fourth attempt, which would come after 520 ms. */
const TIMEOUT = { timeoutMs: 1_510 };

describe('MetaClient.user', () => {
  interface Absence {
    readonly status: number;
    readonly body: unknown;
  }
  const ABSENT: readonly Absence[] = [
    { status: 200, body: {} },
    { status: 200, body: { users: [] } },
    { status: 200, body: { users: null } },
    { status: 200, body: { error: 'user not found' } },
    { status: 400, body: { error: 'user not found' } },
    { status: 404, body: { error: 'user not found' } },
  ];
  for (const { status, body } of ABSENT) {
    test(`${status} ${JSON.stringify(body)} is nobody, after one call`, async () => {
      const meta = await node(saying(status, body));
      expect(await client([meta]).user('alice')).toBeUndefined();
      expect(meta.requests).toHaveLength(1);
    });
  }

  test('nobody has no name, or one that is not Unicode: the node is not asked', async () => {
    const meta = await node(saying(200, { users: [{ name: 'root' }] }));
    expect(await client([meta]).user('')).toBeUndefined();
    expect(await client([meta]).user('\ud800')).toBeUndefined();
    expect(meta.requests).toEqual([]);
  });

  interface Refusal {
    readonly status: number;
    readonly body: unknown;
    readonly kind: MetaFaultKind;
    readonly message: string;
  }
  const REFUSED: readonly Refusal[] = [
    {
      status: 401,
      body: { error: 'authorization failed' },
      kind: 'credentials',
      message: `does not take the gateway's own user "gate": check meta-username and meta-password`,
    },
    {
      status: 403,
      body: '',
      kind: 'forbidden',
      message: `does not let the gateway's own user "gate" read users and roles`,
    },
    {
      status: 400,
      body: { error: 'name is too long' },
      kind: 'bad-answer',
      message: 'answers 400: "name is too long"',
    },
    {
      status: 404,
      body: { error: 'no such path' },
      kind: 'bad-answer',
      message: 'answers 404: "no such path"',
    },
    {
      status: 404,
      body: '404 page not found',
      kind: 'bad-answer',
      message: 'answers 404 in a form that is not a meta node',
    },
    {
      status: 429,
      body: '',
      kind: 'bad-answer',
      message: 'answers 429 in a form that is not a meta node',
    },
  ];
  for (const { status, body, kind, message } of REFUSED) {
    test(`${status} ${JSON.stringify(body)} is a fault (${kind}), after one call, and the node works`, async () => {
      const meta = await node(saying(status, body));
      const asked = client([meta], { username: 'gate', password: new Secret('pw-CANARY') });
      for (let turn = 0; turn < 5; turn++) {
        const fault = await faultOf(asked.user('alice'));
        expect(fault.kind).toBe(kind);
        expect(fault.message).toContain(message);
        expect(fault.message).toContain(meta.url);
        expect(fault.message).not.toContain('CANARY');
      }
      expect(meta.requests).toHaveLength(5);
      expect(asked.nodes()).toMatchObject([{ resting: false, failures: 0 }]);
    });
  }

  const OTHERS: readonly unknown[] = [
    { users: [{ name: 'Alice' }] },
    { users: [{ name: 'alice ' }] },
    { users: [{ name: 'alice' }, { name: 'bob' }] },
    { users: [{ name: 'bob' }, { name: 'alice' }] },
    { users: [{ name: 'alice' }, { name: 'alice' }] },
  ];
  for (const body of OTHERS) {
    test(`${JSON.stringify(body)} is not what was asked for`, async () => {
      const meta = await node(saying(200, body));
      const fault = await faultOf(client([meta]).user('alice'));
      expect(fault.kind).toBe('bad-answer');
      expect(meta.requests).toHaveLength(1);
    });
  }

  const GARBAGE: readonly unknown[] = [
    '',
    'null',
    '[]',
    '"alice"',
    '\ufeff{}',
    // Another service's: nobody is told by it that there is no such user.
    { status: 'starting' },
    { Users: [{ name: 'alice' }] },
    { roles: [] },
    { error: null },
    { error: 'something else' },
    { error: 'user not found, or so', users: [{ name: 'alice' }] },
    { users: {} },
    { users: ['alice'] },
    { users: [{}] },
    { users: [{ name: '' }] },
    { users: [{ name: 1 }] },
    { users: [{ name: 'alice', hash: 1 }] },
    { users: [{ name: 'alice', permissions: [] }] },
    { users: [{ name: 'alice', permissions: 'all' }] },
    { users: [{ name: 'alice', permissions: { '': 'KapacitorAPI' } }] },
    { users: [{ name: 'alice', permissions: { '': [1] } }] },
    { users: [{ name: 'alice', permissions: { '': { KapacitorAPI: true } } }] },
    { users: [{ name: 'alice', permissions: [['', ['KapacitorAPI']]] }] },
  ];
  for (const body of GARBAGE) {
    test(`${JSON.stringify(body)} is a bad answer`, async () => {
      const meta = await node(saying(200, body));
      const asked = client([meta], TIMEOUT);
      expect((await faultOf(asked.user('alice'))).kind).toBe('bad-answer');
      expect(asked.nodes()[0]?.failures).toBe(meta.requests.length);
    });
  }

  test('bytes that are not UTF-8 are a bad answer', async () => {
    const meta = await node((_request, response) =>
      response.end(Buffer.from('{"users":[{"name":"\xe9"}]}', 'latin1')),
    );
    expect((await faultOf(client([meta], TIMEOUT).user('\ufffd'))).kind).toBe('bad-answer');
  });

  test('what is missing is empty, and what is not known is ignored', async () => {
    const body = { users: [{ name: 'alice', permissions: { db: null }, x: [] }], more: {} };
    const meta = await node(saying(200, body));
    expect(await client([meta]).user('alice')).toEqual({
      name: 'alice',
      hash: '',
      permissions: new Map([['db', []]]),
    });
    meta.answerBy(saying(200, { users: [{ name: 'alice', hash: null, permissions: null }] }));
    expect(await client([meta]).user('alice')).toEqual({
      name: 'alice',
      hash: '',
      permissions: new Map(),
    });
  });

  test('a scope or a name may be any word of the language', async () => {
    const body =
      '{"users":[{"name":"__proto__","permissions":{"__proto__":["WriteData"],"constructor":["__proto__"]}}]}';
    const meta = await node(saying(200, body));
    expect(await client([meta]).user('__proto__')).toEqual({
      name: '__proto__',
      hash: '',
      permissions: new Map([
        ['__proto__', ['WriteData']],
        ['constructor', ['__proto__']],
      ]),
    });
  });
});

describe('MetaClient.users and .roles', () => {
  test('give all of them', async () => {
    const meta = await node(({ target }, response) => {
      const users = [{ name: 'a' }, { name: 'b', hash: 'H' }];
      const roles = [
        { name: 'spectre', permissions: { '': ['KapacitorAPI'] }, users: ['a', '__proto__'] },
        { name: '__proto__' },
      ];
      response.end(JSON.stringify(target === '/user' ? { users } : { roles }));
    });
    const asked = client([meta]);
    expect((await asked.users()).map(({ name, hash }) => [name, hash])).toEqual([
      ['a', ''],
      ['b', 'H'],
    ]);
    expect(await asked.roles()).toEqual([
      {
        name: 'spectre',
        permissions: new Map([['', ['KapacitorAPI']]]),
        users: ['a', '__proto__'],
      },
      { name: '__proto__', permissions: new Map(), users: [] },
    ]);
    expect(meta.requests.map(({ target }) => target)).toEqual(['/user', '/role']);
  });

  test('no roles at all are an empty object', async () => {
    const meta = await node(saying(200, {}));
    expect(await client([meta]).roles()).toEqual([]);
  });

  test('a role with a wrong type spoils the answer', async () => {
    const meta = await node(saying(200, { roles: [{ name: 'a', users: 'b' }] }));
    expect((await faultOf(client([meta], TIMEOUT).roles())).kind).toBe('bad-answer');
  });

  test('the JSON of another service does not take all roles away', async () => {
    const meta = await node(saying(200, { status: 'starting' }));
    expect((await faultOf(client([meta], TIMEOUT).roles())).kind).toBe('bad-answer');
  });
});

describe('MetaClient.isAuthorized', () => {
  const right = new Secret('right');

  for (const body of ['', '{}', '{"ok":true}', 'OK\n', 'true']) {
    test(`200 with ${JSON.stringify(body)} is yes`, async () => {
      const meta = await node(saying(200, body));
      expect(await client([meta]).isAuthorized('alice', right)).toBe(true);
    });
  }

  const NEITHER: readonly string[] = [
    ...['<html>', '{', 'It works!\n'.repeat(9), '\u0000', 'false', 'False\n', ' false '],
    ...['{"error":"no"}', '{"error":null}', '{"error":{"code":1}}', '{"error":["no"]}'],
    `{"error":"${'no'.repeat(2500)}"}`,
  ];
  for (const body of NEITHER) {
    test(`200 with ${JSON.stringify(body).slice(0, 60)} is neither yes nor no`, async () => {
      const meta = await node(saying(200, body));
      const asked = client([meta], TIMEOUT);
      expect((await faultOf(asked.isAuthorized('alice', right))).kind).toBe('bad-answer');
    });
  }

  const NO: readonly [number, unknown][] = [
    [401, ''],
    [401, { error: 'authorization failed' }],
    [403, ''],
    [400, { error: 'user not found' }],
    [404, { error: 'user not found' }],
  ];
  for (const [status, body] of NO) {
    test(`${status} ${JSON.stringify(body)} is no, after exactly one call`, async () => {
      const meta = await node((request, response) => {
        if (request.path === '/user')
          saying(200, { users: [{ name: 'alice' }] })(request, response);
        else saying(status, body)(request, response);
      });
      const asked = client([meta]);
      await asked.user('alice');
      expect(await asked.isAuthorized('alice', new Secret('wrong'))).toBe(false);
      expect(meta.requests.map(({ path }) => path)).toEqual(['/user', '/authorized']);
    });
  }

  for (const [status, body] of [
    [400, { error: 'missing CANARY' }],
    [404, 'page CANARY not found'],
    [405, ''],
  ] as const) {
    test(`${status} ${JSON.stringify(body)} is a fault that repeats nothing of it`, async () => {
      const meta = await node(saying(status, body));
      const fault = await faultOf(client([meta]).isAuthorized('alice', right));
      expect(fault.kind).toBe('bad-answer');
      expect(fault.message).not.toContain('CANARY');
      expect(meta.requests).toHaveLength(1);
    });
  }

  test('an empty password and an empty name are no, and the node is not asked', async () => {
    const meta = await node(saying(200, ''));
    expect(await client([meta]).isAuthorized('alice', new Secret(''))).toBe(false);
    expect(await client([meta]).isAuthorized('', right)).toBe(false);
    expect(meta.requests).toEqual([]);
  });

  test("a 401 is no 'no' where the node does not take the gateway's own user any more", async () => {
    let nowMs = 1_000_000;
    const meta = await node(saying(200, { users: [{ name: 'alice' }] }));
    const asked = client([meta], { username: 'gate', now: () => nowMs });
    await asked.user('alice');
    meta.answerBy(saying(401, ''));
    nowMs += 61_000;
    expect((await faultOf(asked.isAuthorized('alice', right))).kind).toBe('credentials');
    expect(meta.requests.map(({ path }) => path)).toEqual(['/user', '/authorized', '/user']);
  });

  test('… nor in the minute after a node said that it does not', async () => {
    const meta = await node(saying(200, { users: [{ name: 'alice' }] }));
    const asked = client([meta], { username: 'gate' });
    await asked.user('alice');
    meta.answerBy(saying(401, ''));
    expect((await faultOf(asked.user('ben'))).kind).toBe('credentials');
    expect((await faultOf(asked.isAuthorized('alice', right))).kind).toBe('credentials');
  });

  test('a password of any characters arrives as it is', async () => {
    const meta = await node(saying(200, ''));
    for (const password of ['p+w d&permission=x%41', '管理者', "'()*~!", '\u0000\n']) {
      await client([meta]).isAuthorized('a&b', new Secret(password));
      expect([...(meta.requests.at(-1)?.query ?? [])]).toEqual([
        ['name', 'a&b'],
        ['password', password],
        ['permission', 'NoPermissions'],
        ['resource', '_'],
      ]);
    }
  });

  const BEHIND: readonly [string, FakeNodeHandler][] = [
    ['fails', saying(500, { error: 'ldap: connection refused' })],
    ['hangs', () => undefined],
  ];
  for (const [does, answer] of BEHIND) {
    test(`a node whose LDAP ${does} does not rest: it still says who all others are`, async () => {
      const meta = await node((request, response) => {
        if (request.path === '/authorized') answer(request, response);
        else saying(200, { users: [{ name: 'ben' }] })(request, response);
      });
      const asked = client([meta], { timeoutMs: 300 });
      for (let turn = 0; turn < 5; turn++) await faultOf(asked.isAuthorized('alice', right));
      expect(asked.nodes()).toMatchObject([{ resting: false, failures: 0 }]);
      expect(await asked.user('ben')).toMatchObject({ name: 'ben' });
    });
  }
});
