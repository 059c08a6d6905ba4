import { afterEach, describe, expect, test } from '@jest/globals';
import { createHmac } from 'node:crypto';
import { startMetaNode } from '../../../src/commands/try/meta-stand-in.ts';
import type { MetaNode, MetaNodeOptions } from '../../../src/commands/try/meta-stand-in.ts';
import { createCluster } from '../../support/meta-cluster.ts';
import { isTaken } from '../../support/gateway-process.ts';
import { exchange } from '../../support/raw-client.ts';

const BCRYPT = /^\$2a\$04\$[./A-Za-z0-9]{53}$/;

const nodes: MetaNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function start(options: Partial<MetaNodeOptions> = {}): Promise<MetaNode> {
  const cluster = options.cluster ?? (await createCluster([]));
  const node = await startMetaNode({ ...options, cluster });
  nodes.push(node);
  return node;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: Headers;
}

async function ask(
  node: MetaNode,
  target: string,
  {
    body,
    authorization,
  }: { readonly body?: object | string; readonly authorization?: string } = {},
): Promise<Answer> {
  const response = await fetch(`${node.url}${target}`, {
    method: body === undefined ? 'GET' : 'POST',
    redirect: 'manual',
    headers: authorization === undefined ? {} : { Authorization: authorization },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.text(), headers: response.headers };
}

const basic = (credentials: string): string =>
  `Basic ${Buffer.from(credentials).toString('base64')}`;

function tokenOf(head: object, claims: object, secret: string): string {
  const parts = [head, claims].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const signed = createHmac('sha512', secret).update(parts.join('.')).digest('base64url');
  return `Bearer ${parts.join('.')}.${signed}`;
}

describe('startMetaNode', () => {
  test('shows its users, and leaves out permissions where there are none', async () => {
    const node = await start({
      cluster: await createCluster([
        { name: 'phantom', permissions: { '': ['KapacitorAPI'], db: ['ReadData'] } },
        { name: '管理者' },
      ]),
    });
    const all: unknown = JSON.parse((await ask(node, '/user')).body);
    expect(all).toEqual({
      users: [
        {
          name: 'phantom',
          hash: expect.stringMatching(BCRYPT),
          permissions: { '': ['KapacitorAPI'], db: ['ReadData'] },
        },
        { name: '管理者', hash: expect.stringMatching(BCRYPT) },
      ],
    });
    const one = await ask(node, `/user?name=${encodeURIComponent('管理者')}`);
    expect(JSON.parse(one.body)).toEqual({
      users: [{ name: '管理者', hash: expect.stringMatching(BCRYPT) }],
    });
    expect(node.countOf('GET /user')).toBe(2);
  });

  test('shows its roles; none at all is an empty object', async () => {
    const none = await start();
    expect(await ask(none, '/role')).toMatchObject({ status: 200, body: '{}' });
    const node = await start({
      cluster: await createCluster(
        [{ name: 'phantom' }],
        [
          { name: 'djinn' },
          { name: 'spectre', permissions: { '': ['KapacitorAPI'] }, users: ['phantom'] },
        ],
      ),
    });
    expect(JSON.parse((await ask(node, '/role')).body)).toEqual({
      roles: [
        { name: 'djinn' },
        { name: 'spectre', permissions: { '': ['KapacitorAPI'] }, users: ['phantom'] },
      ],
    });
    expect(JSON.parse((await ask(node, '/role?name=djinn')).body)).toEqual({
      roles: [{ name: 'djinn' }],
    });
  });

  test.each([
    ['/user?name=nobody', '{"error":"user not found"}'],
    ['/role?name=nothing', '{"error":"role not found"}'],
    ['/nowhere', '{"error":"not found"}'],
  ])('%s is 404', async (target, body) => {
    expect(await ask(await start(), target)).toMatchObject({ status: 404, body });
  });

  test.each(['bcrypt', 'pbkdf2-sha256', 'pbkdf2-sha512', 'ldap'] as const)(
    '/authorized knows a password that is kept by %s',
    async (hashing) => {
      const node = await start({ cluster: await createCluster([{ name: 'phantom', hashing }]) });
      const query = 'permission=NoPermissions&resource=_';
      expect(
        await ask(node, `/authorized?name=phantom&password=pw-phantom&${query}`),
      ).toMatchObject({ status: 200, body: '' });
      expect(await ask(node, `/authorized?name=phantom&password=wrong&${query}`)).toMatchObject({
        status: 401,
        body: '{"error":"authorization failed"}',
      });
      expect(await ask(node, `/authorized?name=x&password=pw-phantom&${query}`)).toMatchObject({
        status: 401,
      });
      const { hash } = firstUser(await ask(node, '/user?name=phantom'));
      expect(hash === '').toBe(hashing === 'ldap');
    },
  );

  test('takes every action with 200 and no body, and counts them', async () => {
    const node = await start();
    const actions: readonly (readonly [string, object])[] = [
      ['/user', { action: 'create', user: { name: 'phantom', password: 'changeit' } }],
      ['/role', { action: 'create', role: { name: 'spectre' } }],
      ['/role', { action: 'add-users', role: { name: 'spectre', users: ['phantom'] } }],
    ];
    for (const [index, [target, body]] of actions.entries()) {
      const answer = await ask(node, target, { body });
      expect(answer).toMatchObject({ status: 200, body: '' });
      expect(answer.headers.get('influxdb-metaindex')).toBe(String(index + 2));
      expect(answer.headers.get('request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
    const authorized = await ask(node, '/authorized?name=phantom&password=changeit');
    expect(authorized.status).toBe(200);
    expect(node.countOf('POST /role')).toBe(2);
  });

  test('says in a sentence why it does not', async () => {
    const node = await start();
    const body = { action: 'delete', user: { name: 'phantom' } };
    expect(await ask(node, '/user', { body })).toMatchObject({
      status: 400,
      body: '{"error":"user not found: \\"phantom\\""}',
    });
    expect(await ask(node, '/user', { body: '{' })).toMatchObject({
      status: 400,
      body: '{"error":"the body is not JSON"}',
    });
  });

  test('a follower answers what is asked, and sends changes to the leader', async () => {
    const cluster = await createCluster([{ name: 'phantom' }]);
    const leader = await start({ cluster });
    const follower = await start({ cluster, leader: leader.url });
    expect((await ask(follower, '/user?name=phantom')).status).toBe(200);
    const body = { action: 'delete', user: { name: 'phantom' } };
    const answer = await ask(follower, '/user', { body });
    expect(answer).toMatchObject({ status: 307, body: '' });
    expect(answer.headers.get('location')).toBe(`${leader.url}/user`);
    for (const name of ['influxdb-metaindex', 'x-influxdb-version', 'request-id']) {
      expect(answer.headers.get(name)).toMatch(/./);
    }
    expect(cluster.state.users.size).toBe(1);
  });
});

describe('its demands', () => {
  const users = [
    { name: 'boss', permissions: { '': ['CreateUserAndRole'] } },
    { name: 'kapgate', hashing: 'pbkdf2-sha512' },
  ] as const;

  test.each([
    [undefined, 401],
    ['Bearer x.y.z', 401],
    [basic('kapgate:wrong'), 401],
    [basic('nobody:pw-kapgate'), 401],
    [basic('kapgate:pw-kapgate'), 200],
    [basic('boss:pw-boss'), 200],
  ])('Basic: %s gets %i', async (authorization, status) => {
    const node = await start({ cluster: await createCluster(users), demands: { kind: 'basic' } });
    const answer = await ask(node, '/user', authorization === undefined ? {} : { authorization });
    expect(answer.status).toBe(status);
    expect(answer.headers.get('www-authenticate')).toBe(
      status === 401 ? 'Basic realm="InfluxDB"' : null,
    );
  });

  test('Basic: a change takes CreateUserAndRole', async () => {
    const node = await start({ cluster: await createCluster(users), demands: { kind: 'basic' } });
    const body = { action: 'create', role: { name: 'spectre' } };
    const refused = await ask(node, '/role', { body, authorization: basic('kapgate:pw-kapgate') });
    expect(refused.status).toBe(403);
    const taken = await ask(node, '/role', { body, authorization: basic('boss:pw-boss') });
    expect(taken.status).toBe(200);
  });

  const HS512 = { alg: 'HS512', typ: 'JWT' };
  const seconds = Math.floor(Date.now() / 1000);
  test.each([
    ['good', tokenOf(HS512, { username: '', exp: seconds + 300 }, 'shared'), 200],
    ['signed with another secret', tokenOf(HS512, { username: '', exp: seconds + 300 }, 'x'), 401],
    ['expired', tokenOf(HS512, { username: '', exp: seconds - 1 }, 'shared'), 401],
    ['without an end', tokenOf(HS512, { username: '' }, 'shared'), 401],
    ['for a user', tokenOf(HS512, { username: 'boss', exp: seconds + 300 }, 'shared'), 401],
    [
      'of another algorithm',
      tokenOf({ alg: 'HS256' }, { username: '', exp: seconds + 300 }, 'shared'),
      401,
    ],
    ['no token', basic('boss:pw-boss'), 401],
  ])('the shared secret: a token that is %s', async (_, authorization, status) => {
    const node = await start({
      cluster: await createCluster(users),
      demands: { kind: 'shared-secret', secret: 'shared' },
    });
    expect((await ask(node, '/user', { authorization })).status).toBe(status);
  });
});

describe('its faults', () => {
  test('a fault is on every path or on one, until it is taken away', async () => {
    const node = await start();
    node.fault({ kind: 'status', status: 403 }, '/role');
    expect((await ask(node, '/user')).status).toBe(200);
    expect((await ask(node, '/role')).status).toBe(403);
    node.fault({ kind: 'status', status: 503 });
    expect((await ask(node, '/user')).status).toBe(503);
    node.fault(undefined);
    node.fault(undefined, '/role');
    expect((await ask(node, '/role')).status).toBe(200);
  });

  test('slow: late, but right', async () => {
    const node = await start();
    node.fault({ kind: 'slow', delayMs: 200 });
    const started = performance.now();
    expect((await ask(node, '/role')).body).toBe('{}');
    expect(performance.now() - started).toBeGreaterThan(190);
  });

  test('silent: nothing', async () => {
    const node = await start();
    node.fault({ kind: 'silent' });
    const signal = AbortSignal.timeout(300);
    await expect(fetch(`${node.url}/user`, { signal })).rejects.toThrow('timeout');
  });

  test('drop: the connection is cut', async () => {
    const node = await start();
    node.fault({ kind: 'drop' });
    await expect(ask(node, '/user')).rejects.toThrow('fetch failed');
  });

  test('half: it announces more than it sends', async () => {
    const node = await start();
    node.fault({ kind: 'half' });
    await expect(ask(node, '/user')).rejects.toThrow('terminated');
  });

  test('garbage, wrong: 200, and no answer', async () => {
    const node = await start();
    node.fault({ kind: 'garbage' });
    expect(await ask(node, '/user')).toMatchObject({
      status: 200,
      body: expect.stringContaining('<'),
    });
    node.fault({ kind: 'wrong', body: '{"users":7}' });
    expect(await ask(node, '/user')).toMatchObject({ status: 200, body: '{"users":7}' });
  });

  test('loop, redirect: 307 with the same path and query', async () => {
    const node = await start();
    node.fault({ kind: 'loop' });
    expect((await ask(node, '/user?name=x')).headers.get('location')).toBe('/user?name=x');
    node.fault({ kind: 'redirect', origin: 'http://elsewhere.test:8091' });
    const answer = await ask(node, '/user?name=x');
    expect(answer.status).toBe(307);
    expect(answer.headers.get('location')).toBe('http://elsewhere.test:8091/user?name=x');
  });

  test('down: nobody listens; up: it does again, on the same port', async () => {
    const node = await start();
    const port = Number(node.address.split(':')[1]);
    await node.down();
    expect(await isTaken(port)).toBe(false);
    await node.up();
    expect((await ask(node, '/role')).status).toBe(200);
    const raw = await exchange(
      port,
      'GET /role HTTP/1.1\r\nHost: meta\r\nConnection: close\r\n\r\n',
    );
    expect(raw.body.toString()).toBe('{}');
  });
});

function firstUser({ body }: Answer): { readonly hash: string } {
  const { users } = JSON.parse(body) as { readonly users: readonly { readonly hash: string }[] };
  const [first] = users;
  if (first === undefined) throw new Error('no user');
  return first;
}
