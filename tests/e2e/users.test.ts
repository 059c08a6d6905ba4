import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { basic, call } from '../support/api.ts';
import type { ApiAnswer } from '../support/api.ts';
import { addUser, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const USERS = '/kapacitor/v1/users';
const TASKS = '/kapacitor/v1/tasks';
const ROOT = 'root:root-password';

let upstream: RecordingUpstream;
let dir: TempDir;
let gateway: GatewayProcess;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(200, {}, '{}'));
  dir = await createTempDir();
  gateway = await start();
  const first = { name: 'root', password: 'root-password', type: 'admin' };
  expect((await call(gateway.port, 'POST', USERS, { body: first })).status).toBe(200);
});

/** Only root is there when a test begins. */
afterEach(async () => {
  const { json } = await call(gateway.port, 'GET', `${USERS}?limit=2000`, { user: ROOT });
  const { users } = json as { readonly users: readonly { readonly name: string }[] };
  for (const { name } of users.filter((user) => user.name !== 'root')) {
    expect(await statusFor(ROOT, 'DELETE', `${USERS}/${encodeURIComponent(name)}`)).toBe(204);
  }
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
  await dir.remove();
});

function start(): Promise<GatewayProcess> {
  return startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: { http: { 'shared-secret': '"a-secret-of-enough-bytes"' } },
  });
}

interface NewUser {
  readonly name: string;
  readonly password: string;
  readonly type?: string;
  readonly permissions?: readonly string[];
}

function post(body: unknown): Promise<ApiAnswer> {
  return call(gateway.port, 'POST', USERS, { user: ROOT, body });
}

async function make(user: NewUser): Promise<void> {
  expect((await post({ type: 'normal', ...user })).status).toBe(200);
}

function patch(name: string, body: unknown, user = ROOT): Promise<ApiAnswer> {
  return call(gateway.port, 'PATCH', `${USERS}/${encodeURIComponent(name)}`, { user, body });
}

async function statusFor(user: string, method = 'GET', path = TASKS): Promise<number> {
  return (await call(gateway.port, method, path, { user })).status;
}

async function cli(args: readonly string[], input = ''): Promise<string> {
  const result = await runKapgate(['--config', gateway.configFile, ...args], { input });
  expect({ args, code: result.code, stderr: result.stderr }).toMatchObject({ args, code: 0 });
  return result.stdout;
}

describe('a change takes effect on the next request', () => {
  test('made by the API', async () => {
    await make({ name: 'stan', password: 'one', permissions: ['api'] });
    expect(await statusFor('stan:one')).toBe(200);
    expect((await patch('stan', { password: 'two' })).status).toBe(200);
    expect(await statusFor('stan:one')).toBe(401);
    expect(await statusFor('stan:two')).toBe(200);
    expect((await patch('stan', { permissions: ['write_points'] })).status).toBe(200);
    expect(await statusFor('stan:two')).toBe(403);
    expect((await patch('stan', { type: 'admin' })).status).toBe(200);
    expect(await statusFor('stan:two', 'GET', USERS)).toBe(200);
    expect((await patch('stan', { type: 'normal' })).status).toBe(200);
    expect(await statusFor('stan:two', 'GET', USERS)).toBe(403);
    expect(await statusFor(ROOT, 'DELETE', `${USERS}/stan`)).toBe(204);
    expect(await statusFor('stan:two')).toBe(401);
  });

  test('made by the CLI in another process, on a connection that stays open', async () => {
    await addUser(gateway.configFile, { name: 'eva', password: 'one', permissions: ['api:read'] });
    const connection = await openRawConnection(gateway.port);
    const ask = async (user: string, method = 'GET'): Promise<number> => {
      connection.send(requestText(method, TASKS, [`Authorization: ${basic(user)}`]));
      return (await connection.receive(method)).status;
    };
    expect(await ask('eva:one')).toBe(200);
    expect(await ask('eva:one', 'DELETE')).toBe(403);
    await cli(['users', 'grant', 'eva', 'api:delete']);
    expect(await ask('eva:one', 'DELETE')).toBe(200);
    await cli(['users', 'revoke', 'eva', 'api:delete']);
    expect(await ask('eva:one', 'DELETE')).toBe(403);
    await cli(['users', 'passwd', 'eva', '--password-stdin'], 'two\n');
    expect(await ask('eva:one')).toBe(401);
    expect(await ask('eva:two')).toBe(200);
    await cli(['users', 'grant', 'eva', 'admin']);
    expect(await ask('eva:two', 'DELETE')).toBe(200);
    await cli(['users', 'revoke', 'eva', 'admin']);
    expect(await ask('eva:two')).toBe(403);
    await cli(['users', 'delete', 'eva']);
    expect(await ask('eva:two')).toBe(401);
    connection.destroy();
  });

  test('made by the API, for a CLI that comes next', async () => {
    await make({ name: 'stan', password: 'one', permissions: ['api'] });
    expect(await cli(['users', 'list'])).toMatch(/^root +admin\nstan +normal +api$/m);
    await patch('stan', { permissions: ['config_api', 'api', 'write_points'] });
    expect(JSON.parse(await cli(['users', 'show', 'stan', '--json']))).toMatchObject({
      name: 'stan',
      type: 'normal',
      permissions: ['all'],
    });
    // A part of what is shown as a whole can be taken away.
    await cli(['users', 'revoke', 'stan', 'api']);
    expect(await statusFor('stan:one')).toBe(403);
    expect(await statusFor('stan:one', 'GET', '/kapacitor/v1/config')).toBe(200);
    expect(await statusFor(ROOT, 'DELETE', `${USERS}/stan`)).toBe(204);
    expect(await cli(['users', 'list'])).not.toContain('stan');
  });

  test('a user who is made while they are refused is let in', async () => {
    expect(await statusFor('late:password')).toBe(401);
    await make({ name: 'late', password: 'password', permissions: ['api'] });
    expect(await statusFor('late:password')).toBe(200);
  });

  test('all are there after a restart', async () => {
    await make({ name: 'stan', password: 'one', permissions: ['api'] });
    await patch('stan', { password: 'two' });
    await make({ name: '管理者', password: '秘密', permissions: ['api'] });
    expect(await gateway.stop()).toBe(0);
    gateway = await start();
    expect(await statusFor('stan:one')).toBe(401);
    expect(await statusFor('stan:two')).toBe(200);
    expect(await statusFor('管理者:秘密')).toBe(200);
    expect(await statusFor(ROOT, 'GET', USERS)).toBe(200);
  });
});

describe('kill -9 in the middle of a thousand writes', () => {
  test('loses no user that was acknowledged, and the store opens', async () => {
    // Its logins are kept short: what is written is what counts.
    const acknowledged = new Set<string>();
    const deleted = new Set<string>();
    let next = 0;
    const writer = async (): Promise<void> => {
      while (next < 1000) {
        const name = `user${next++}`;
        const made = await post({ name, password: 'password', type: 'normal' });
        if (made.status !== 200) throw new Error(`${name}: ${made.status} ${made.text}`);
        acknowledged.add(name);
        if (next % 7 !== 0) continue;
        // Undone at once: neither may it come back.
        acknowledged.delete(name);
        if ((await statusFor(ROOT, 'DELETE', `${USERS}/${name}`)) === 204) deleted.add(name);
      }
    };
    const writers = Array.from({ length: 8 }, () => writer().catch(() => undefined));
    const writing = Promise.all(writers);
    const enough = async (): Promise<void> => {
      for (let waits = 0; waits < 4_000 && acknowledged.size < 300; waits++) await sleep(5);
    };
    await Promise.race([writing, enough()]);
    await gateway.kill();
    await writing;
    expect(acknowledged.size).toBeGreaterThan(200);
    expect(next).toBeLessThan(1000);
    expect(deleted.size).toBeGreaterThan(10);

    const listed = await cli(['users', 'list', '--json']);
    const stored = new Set(
      listed
        .split('\n')
        .filter(Boolean)
        .map((line) => (JSON.parse(line) as { readonly name: string }).name),
    );
    expect([...acknowledged].filter((name) => !stored.has(name))).toEqual([]);
    expect([...deleted].filter((name) => stored.has(name))).toEqual([]);
    gateway = await start();
    const [some = ''] = acknowledged;
    expect(await statusFor(`${some}:password`, 'HEAD', '/kapacitor/v1/ping')).toBe(200);
    expect((await post({ name: 'after', password: 'password' })).status).toBe(200);
  });
});

describe('hostile names and passwords', () => {
  test.each([
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'hasOwnProperty',
    'null',
    '-',
    '@',
    '.hidden',
    'ÄÖÜß',
    'a'.repeat(255),
  ])('a name like any other: %j', async (name) => {
    expect(await statusFor(`${name}:`)).toBe(401);
    expect(await statusFor(`${name}:password`)).toBe(401);
    await make({ name, password: 'password', permissions: ['api'] });
    expect(await statusFor(`${name}:password`)).toBe(200);
    expect(await statusFor(`${name}:other`)).toBe(401);
    const shown = await call(gateway.port, 'GET', `${USERS}/${encodeURIComponent(name)}`, {
      user: ROOT,
    });
    expect(shown.json).toMatchObject({ name, type: 'normal', permissions: ['api'] });
    expect(await statusFor(ROOT, 'DELETE', `${USERS}/${encodeURIComponent(name)}`)).toBe(204);
    expect(await statusFor(`${name}:password`)).toBe(401);
  });

  test('what is no name is a clear 400', async () => {
    for (const name of [
      '',
      '.',
      '..',
      'a b',
      'a:b',
      'a/b',
      'a\0b',
      'a\nb',
      '😀',
      '~subscriber',
      '_sub:token',
      '\ud800',
      '%41',
      'a'.repeat(256),
      'a'.repeat(10_000),
    ]) {
      const answer = await post({ name, password: 'password', type: 'normal' });
      expect({ name: name.slice(0, 20), status: answer.status }).toMatchObject({ status: 400 });
      const { error, message } = answer.json as {
        readonly error: string;
        readonly message: string;
      };
      expect(error).toMatch(/^(?:username |invalid JSON: "name")/);
      expect(message).toBe(error);
    }
  });

  test('any password up to 72 bytes works', async () => {
    for (const password of [
      '__proto__',
      'constructor',
      ' ',
      'a:b:c',
      '😀😀😀',
      'ä'.repeat(36),
      'p%40ss',
      'x'.repeat(72),
    ]) {
      const user = { name: 'stan', password };
      await make({ ...user, permissions: ['api'] });
      expect({ ...user, status: await statusFor(`stan:${password}`) }).toEqual({
        ...user,
        status: 200,
      });
      expect(await statusFor(`stan:${password}x`)).toBe(401);
      expect(await statusFor(`stan:${password.slice(0, -1)}`)).toBe(401);
      expect(await statusFor(ROOT, 'DELETE', `${USERS}/stan`)).toBe(204);
    }
  });

  test('what is no password is a clear 400, which does not repeat it', async () => {
    for (const password of [
      '',
      'x'.repeat(73),
      'ä'.repeat(37),
      'a\0b',
      'x'.repeat(10_000),
      '\udc00',
    ]) {
      const answer = await post({ name: 'stan', password, type: 'normal' });
      expect(answer.status).toBe(400);
      expect(answer.text).toMatch(/password/);
      expect(answer.text).not.toMatch(/x{10}|ä{10}/);
      expect(await statusFor(`stan:${password}`)).toBe(401);
    }
  });

  test('a body that is none is refused, and makes nobody', async () => {
    const rows: readonly (readonly [string, number])[] = [
      ['{"name":"a","name":"b","password":"password"}', 400],
      ['{"name":"a","NAME":"b","password":"password"}', 400],
      ['{"name":"a","password":"p","pa\\u0073sword":"q"}', 400],
      [`{"name":"a","password":"p","x":${'['.repeat(20_000)}${']'.repeat(20_000)}}`, 400],
      [`${'{"x":'.repeat(10_000)}1${'}'.repeat(10_000)}`, 400],
      ['{"name":"a","password":"p"} {}', 400],
      ['{"name":"a","password":"p"', 400],
      ['\ufeff{"name":"a","password":"p"}', 400],
      ['{"name":["a"],"password":"p"}', 400],
      ['{"name":"a","password":{"$ne":""}}', 400],
      ['{"name":"a","password":"p","type":"root"}', 400],
      ['{"name":"a","password":"p","permissions":"all"}', 400],
      ['{"name":"a","password":"p","permissions":["api",1]}', 400],
      ['{"name":"a","password":"p","permissions":["root"]}', 400],
      ['[{"name":"a","password":"p"}]', 400],
      ['null', 400],
      ['', 400],
      [JSON.stringify({ name: 'a', password: 'p', padding: 'x'.repeat(70_000) }), 413],
    ];
    for (const [body, status] of rows) {
      const answer = await post(body);
      const start = body.slice(0, 60);
      expect({ start, status: answer.status }).toEqual({ start, status });
      expect((answer.json as { readonly error: string }).error).not.toBe('');
      expect(await statusFor(ROOT, 'GET', `${USERS}/a`)).toBe(404);
      expect(await statusFor(ROOT, 'GET', `${USERS}/b`)).toBe(404);
    }
  });

  test('keys that are properties of every object change nothing', async () => {
    const body = '{"__proto__":{"type":"admin"},"constructor":1,"name":"a","password":"password"}';
    expect((await post(body)).json).toMatchObject({ name: 'a', type: 'normal', permissions: [] });
    expect(await statusFor('a:password', 'GET', USERS)).toBe(403);
  });

  test('a body that has no end is refused before it is there', async () => {
    const connection = await openRawConnection(gateway.port);
    const head = ['Authorization: ' + basic(ROOT), 'Transfer-Encoding: chunked'];
    connection.send(requestText('POST', USERS, head));
    for (let sent = 0; sent < 20; sent++) connection.send(`1000\r\n${'x'.repeat(0x1000)}\r\n`);
    expect((await connection.receive()).status).toBe(413);
    connection.destroy();
  });
});

describe('the last admin', () => {
  test('can be neither deleted nor demoted, by API or CLI', async () => {
    const refusals = [
      await call(gateway.port, 'DELETE', `${USERS}/root`, { user: ROOT }),
      await patch('root', { type: 'normal' }),
    ];
    for (const { status, text } of refusals) {
      expect(status).toBe(409);
      expect(text).toContain('last admin');
    }
    for (const args of [
      ['delete', 'root'],
      ['revoke', 'root', 'admin'],
    ]) {
      const { code } = await runKapgate(['--config', gateway.configFile, 'users', ...args]);
      expect(code).toBe(1);
    }
    expect(await statusFor(ROOT, 'GET', USERS)).toBe(200);
  });

  test('of two who delete each other at once, one stays', async () => {
    await make({ name: 'eva', password: 'eva-password', type: 'admin' });
    await Promise.all([
      statusFor(ROOT, 'DELETE', `${USERS}/eva`),
      statusFor('eva:eva-password', 'DELETE', `${USERS}/root`),
    ]);
    const left = [
      await statusFor(ROOT, 'GET', USERS),
      await statusFor('eva:eva-password', 'GET', USERS),
    ];
    expect(left.toSorted()).toEqual([200, 401]);
    // Whoever it is: root is there again for the next test.
    const root = { name: 'root', password: 'root-password', type: 'admin' };
    await call(gateway.port, 'POST', USERS, { user: 'eva:eva-password', body: root });
  });
});

describe('one’s own password', () => {
  beforeEach(() => make({ name: 'stan', password: 'one', permissions: ['api'] }));

  test('is changed over Basic', async () => {
    expect((await patch('stan', { password: 'two' }, 'stan:one')).status).toBe(200);
    expect(await statusFor('stan:one')).toBe(401);
    expect(await statusFor('stan:two')).toBe(200);
  });

  test('is not changed over Bearer, nor by u and p', async () => {
    const token = (await cli(['token', '--user', 'stan'])).trim();
    const headers = { Authorization: `Bearer ${token}` };
    expect((await call(gateway.port, 'GET', TASKS, { headers })).status).toBe(200);
    const body = { password: 'two' };
    const path = `${USERS}/stan`;
    expect((await call(gateway.port, 'PATCH', path, { headers, body })).status).toBe(403);
    const query = await call(gateway.port, 'PATCH', `${path}?u=stan&p=one`, { body });
    expect(query.status).toBe(403);
    expect(await statusFor('stan:one')).toBe(200);
  });

  test.each([
    { password: 'two', type: 'admin' },
    { password: 'two', permissions: ['all'] },
    { type: 'admin' },
    { permissions: ['all'] },
    { password: 'two', name: 'root' },
    {},
  ])('nothing else is: %j', async (body) => {
    expect((await patch('stan', body, 'stan:one')).status).toBe(403);
    expect(await statusFor('stan:one')).toBe(200);
    expect(await statusFor('stan:one', 'GET', USERS)).toBe(403);
  });

  test('nor anybody else’s', async () => {
    expect((await patch('root', { password: 'two' }, 'stan:one')).status).toBe(403);
    expect(await statusFor(ROOT)).toBe(200);
  });
});
