import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { copyFile, open, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../support/api.ts';
import type { ApiAnswer } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { addUser, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { untilLogged } from '../support/logged.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const USERS = '/kapacitor/v1/users';
const TASKS = '/kapacitor/v1/tasks';
const WRITE = '/write?db=telegraf';
const ROOT = 'root:root-password';
const LIMIT_MS = 180_000;

let upstream: RecordingUpstream;
let dir: TempDir;
let running: GatewayProcess[] = [];

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(200, {}, '{}'));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
  running = [];
  upstream.clear();
});

afterEach(async () => {
  await Promise.all(running.map((gateway) => gateway.kill()));
  await dir.remove();
});

/** Gateways with different names share the store of the test, and nothing else. */
async function start(name = 'one'): Promise<GatewayProcess> {
  const gateway = await startGateway({
    dir: join(dir.path, name),
    upstream: upstream.url,
    settings: {
      store: { path: JSON.stringify(join(dir.path, 'store')) },
      http: { 'shutdown-timeout': '"100ms"', 'shared-secret': '"a-secret-of-enough-bytes"' },
      log: { format: '"logfmt"' },
    },
  });
  running.push(gateway);
  return gateway;
}

const dataFile = (): string => join(dir.path, 'store', 'data.mdb');

async function cli({ configFile }: GatewayProcess, args: readonly string[]): Promise<string> {
  const result = await runKapgate(['--config', configFile, ...args]);
  expect({ args, code: result.code, stderr: result.stderr }).toMatchObject({ args, code: 0 });
  return result.stdout;
}

async function statusAt(
  { port }: GatewayProcess,
  user: string,
  method = 'GET',
  path = TASKS,
  body?: unknown,
): Promise<number> {
  return (await call(port, method, path, { user, body })).status;
}

async function namesAt({ port }: GatewayProcess): Promise<readonly string[]> {
  const { json } = await call(port, 'GET', `${USERS}?limit=5000`, { user: ROOT });
  return (json as { readonly users: readonly { readonly name: string }[] }).users.map(
    ({ name }) => name,
  );
}

function make({ port }: GatewayProcess, name: string, password = 'password'): Promise<ApiAnswer> {
  const body = { name, password, type: 'normal', permissions: ['api'] };
  return call(port, 'POST', USERS, { user: ROOT, body });
}

describe('two gateways and a CLI on one store', () => {
  async function startBoth(): Promise<readonly [GatewayProcess, GatewayProcess]> {
    const [one, two] = [await start('one'), await start('two')];
    await addUser(one.configFile, { name: 'root', password: 'root-password', admin: true });
    return [one, two];
  }

  test(
    'each change of one counts in the others from its answer on, and none is lost',
    async () => {
      const [first, second] = await startBoth();
      const made: string[] = [];
      /** Makes users at one gateway; each must be known at the other by then, and unknown after its end. */
      const writer = async (at: GatewayProcess, other: GatewayProcess, label: string) => {
        for (let count = 0; count < 60; count++) {
          const name = `${label}${count}`;
          expect((await make(at, name)).status).toBe(200);
          expect(await statusAt(other, `${name}:password`)).toBe(200);
          const changed = { password: 'another' };
          expect(await statusAt(other, ROOT, 'PATCH', `${USERS}/${name}`, changed)).toBe(200);
          expect(await statusAt(at, `${name}:password`)).toBe(401);
          expect(await statusAt(at, `${name}:another`)).toBe(200);
          if (count % 3 !== 0) {
            made.push(name);
            continue;
          }
          expect(await statusAt(other, ROOT, 'DELETE', `${USERS}/${name}`)).toBe(204);
          expect(await statusAt(at, `${name}:another`)).toBe(401);
        }
      };
      const byHand = async (): Promise<void> => {
        for (let count = 0; count < 4; count++) {
          const name = `cli${count}`;
          await addUser(first.configFile, { name, password: 'password', permissions: ['none'] });
          expect(await statusAt(second, `${name}:password`)).toBe(403);
          await cli(second, ['users', 'grant', name, 'api:read']);
          expect(await statusAt(first, `${name}:password`)).toBe(200);
          made.push(name);
        }
      };
      await Promise.all([writer(first, second, 'a'), writer(second, first, 'b'), byHand()]);
      const all = ['root', ...made].sort();
      expect([...(await namesAt(first))].sort()).toEqual(all);
      expect([...(await namesAt(second))].sort()).toEqual(all);
      const listed = await cli(first, ['users', 'list', '--json']);
      expect(listed.trimEnd().split('\n')).toHaveLength(all.length);
    },
    LIMIT_MS,
  );

  test(
    'of the last two admins, one stays, wherever they are deleted',
    async () => {
      const [first, second] = await startBoth();
      for (let round = 0; round < 10; round++) {
        const eve = { name: 'eve', password: 'eve-password', type: 'admin' };
        expect((await call(first.port, 'POST', USERS, { user: ROOT, body: eve })).status).toBe(200);
        const statuses = await Promise.all([
          statusAt(first, ROOT, 'DELETE', `${USERS}/eve`),
          statusAt(second, 'eve:eve-password', 'DELETE', `${USERS}/root`),
        ]);
        expect(statuses.filter((status) => status === 204)).toHaveLength(1);
        // Who is deleted before their own request is looked at is nobody by then.
        expect([401, 409]).toContain(statuses.find((status) => status !== 204));
        if (statuses[1] !== 204) continue;
        const root = { name: 'root', password: 'root-password', type: 'admin' };
        const user = 'eve:eve-password';
        expect((await call(second.port, 'POST', USERS, { user, body: root })).status).toBe(200);
        expect(await statusAt(first, ROOT, 'DELETE', `${USERS}/eve`)).toBe(204);
      }
    },
    LIMIT_MS,
  );

  test(
    'kill -9 of one amid its writes stops no write of the other, and loses none',
    async () => {
      const [first, second] = await startBoth();
      const acknowledged: string[] = [];
      const writer = async (at: GatewayProcess, label: string, until: () => boolean) => {
        for (let count = 0; !until(); count++) {
          const { status, text } = await make(at, `${label}${count}`);
          if (status !== 200) throw new Error(`${label}${count}: ${status} ${text}`);
          acknowledged.push(`${label}${count}`);
        }
      };
      let rounds = 0;
      const steady = Promise.all(
        ['x', 'y'].map((label) => writer(first, label, () => rounds === 3)),
      );
      let victim = second;
      for (; rounds < 3; rounds++) {
        const enough = acknowledged.length + 60;
        const dying = ['p', 'q', 'r', 's'].map((label) =>
          writer(victim, `${label}${rounds}-`, () => false).catch(() => undefined),
        );
        await eventually('it writes', () => acknowledged.length > enough, 60_000);
        await victim.kill();
        await Promise.all(dying);
        if (rounds < 2) victim = await start('two');
      }
      await steady;
      const stored = new Set(await namesAt(first));
      expect(acknowledged.filter((name) => !stored.has(name))).toEqual([]);
      const again = await start('two');
      expect(new Set(await namesAt(again))).toEqual(stored);
    },
    LIMIT_MS,
  );
});

describe('a store that is damaged under a running gateway', () => {
  /** Everything that asks who somebody is. */
  async function expectNobodyCanSay(gateway: GatewayProcess, secret: string): Promise<void> {
    const user = (name: string, method = 'GET', path = TASKS): Promise<number> =>
      statusAt(gateway, name, method, path, method === 'POST' ? 'cpu v=1' : undefined);
    const asked = {
      'the right password': await user('ann:password'),
      'a wrong one': await user('ann:wrong'),
      'a name that there is not': await user('nobody:password'),
      'an admin': await user(ROOT, 'GET', USERS),
      'a token': (
        await call(gateway.port, 'GET', TASKS, { headers: { Authorization: `Bearer ${token}` } })
      ).status,
      'a write': await user('ann:password', 'POST', WRITE),
      'a write of a name that there is not': await user('nobody:password', 'POST', WRITE),
      'a write by u and p': (
        await call(gateway.port, 'POST', `${WRITE}&u=ann&p=password`, { body: 'cpu v=1' })
      ).status,
      'a subscription': (
        await call(gateway.port, 'POST', `/sub/${secret}/write?db=telegraf`, { body: 'cpu v=1' })
      ).status,
      'a subscription that there is not': (
        await call(gateway.port, 'POST', `/sub/${'x'.repeat(43)}/write?db=telegraf`, {
          body: 'cpu v=1',
        })
      ).status,
      'the bootstrap': (
        await call(gateway.port, 'POST', USERS, {
          headers: { Host: `localhost:${gateway.port}` },
          body: { name: 'eve', password: 'password', type: 'admin' },
        })
      ).status,
    };
    expect(asked).toEqual(Object.fromEntries(Object.keys(asked).map((what) => [what, 503])));
    expect(upstream.requests).toEqual([]);
  }

  let token = '';

  async function prepared(): Promise<{ gateway: GatewayProcess; secret: string }> {
    const gateway = await start();
    const { configFile } = gateway;
    await addUser(configFile, { name: 'root', password: 'root-password', admin: true });
    const permissions = ['api', 'write_points'];
    await addUser(configFile, { name: 'ann', password: 'password', permissions });
    // More than LMDB keeps in one page.
    for (let count = 0; count < 40; count++) await make(gateway, `user${count}`);
    const made = await cli(gateway, ['subscriptions', 'add', 'influx', '--json']);
    const { path } = JSON.parse(made) as { readonly path: string };
    const secret = path.split('/')[2] ?? '';
    token = (await cli(gateway, ['token', '--user', 'ann', '--expires', '1h'])).trim();
    // Remembered from now on: that must not help.
    expect(await statusAt(gateway, 'ann:password')).toBe(200);
    const write = { body: 'cpu v=1' };
    const target = `/sub/${secret}/write?db=telegraf`;
    expect((await call(gateway.port, 'POST', target, write)).status).toBe(200);
    upstream.clear();
    // A write that is under way reads pages that nobody can look after: the subscription's last use is written by now.
    const isNoted = async (): Promise<boolean> =>
      !(await cli(gateway, ['subscriptions', 'list'])).includes('never');
    await eventually('its use is noted', isNoted);
    return { gateway, secret };
  }

  test.each<readonly [string, (file: string) => Promise<void>, RegExp]>([
    ['emptied', (file) => truncate(file, 0), /was cut off while it was open/],
    [
      'cut off in the middle',
      async (file) => truncate(file, Math.floor((await stat(file)).size / 2 / 4096) * 4096),
      /was cut off while it was open/,
    ],
    ['removed', (file) => rm(file), /was taken away while it was open/],
    ['moved away', (file) => rename(file, `${file}.old`), /was taken away while it was open/],
    [
      'replaced by a copy of itself',
      async (file) => {
        await copyFile(file, `${file}.new`);
        await rename(`${file}.new`, file);
      },
      /another data\.mdb stands in the place of the one that was open/,
    ],
    [
      'overwritten by a shorter one in place',
      (file) => writeFile(file, 'not a store'),
      /was cut off while it was open/,
    ],
  ])(
    'a data file that is %s: nobody can say who somebody is, and the gateway goes on',
    async (_, damage, words) => {
      const { gateway, secret } = await prepared();
      await damage(dataFile());
      await expectNobodyCanSay(gateway, secret);
      await untilLogged(gateway, words);
      // A file that looks whole again is still not the one whose pages LMDB knows.
      await expectNobodyCanSay(gateway, secret);
      expect(await gateway.stop()).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    'pages of nothing but zeros: the same',
    async () => {
      const { gateway, secret } = await prepared();
      const file = await open(dataFile(), 'r+');
      const { size } = await file.stat();
      await file.write(Buffer.alloc(size - 2 * 4096), 0, size - 2 * 4096, 2 * 4096);
      await file.close();
      await expectNobodyCanSay(gateway, secret);
      expect(await gateway.stop()).toBe(0);
    },
    LIMIT_MS,
  );

  test(
    'one record: its user gets 503 and not "no such user", all others are served',
    async () => {
      const { gateway } = await prepared();
      await cli(gateway, ['users', 'grant', 'user7', 'config_api']);
      expect(await statusAt(gateway, 'user7:password')).toBe(200);
      const bytes = await readFile(dataFile());
      const file = await open(dataFile(), 'r+');
      for (let at = 0; (at = bytes.indexOf('"name":"user7"', at + 1)) > 0;) {
        await file.write('"nome"', at);
      }
      await file.close();
      // Another write: what is known of the records is read anew.
      expect((await make(gateway, 'another')).status).toBe(200);
      expect(await statusAt(gateway, 'user7:password')).toBe(503);
      expect(await statusAt(gateway, 'user7:wrong')).toBe(503);
      expect(await statusAt(gateway, 'user7:password', 'POST', WRITE)).toBe(503);
      expect(await statusAt(gateway, ROOT, 'GET', `${USERS}/user7`)).toBe(503);
      expect(await statusAt(gateway, ROOT, 'DELETE', `${USERS}/user7`)).toBe(503);
      expect((await make(gateway, 'user7')).status).toBe(503);
      expect(await statusAt(gateway, 'user8:password')).toBe(200);
      expect(await statusAt(gateway, ROOT, 'GET', `${USERS}/user8`)).toBe(200);
      await untilLogged(gateway, 'its record is damaged');
      expect(await gateway.stop()).toBe(0);
    },
    LIMIT_MS,
  );
});

const hasPrlimit = spawnSync('prlimit', ['--version']).status === 0;
if (!hasPrlimit) process.stderr.write('skipped: no prlimit (a full disk under a gateway)\n');

(hasPrlimit ? test : test.skip)(
  'a disk that fills up under a running gateway: changes are 503, logins go on, and so do changes once there is room',
  async () => {
    const gateway = await start();
    await addUser(gateway.configFile, { name: 'root', password: 'root-password', admin: true });
    const limit = (bytes: string): void => {
      // Soft only: what is soft can be raised again.
      const args = ['--pid', String(gateway.pid), `--fsize=${bytes}:unlimited`];
      expect(spawnSync('prlimit', args).status).toBe(0);
    };
    const { size } = await stat(dataFile());
    // Room for some more.
    limit(String(size + 64 * 1024));
    const acknowledged: string[] = [];
    const refused: string[] = [];
    for (let count = 0; refused.length < 3 && count < 1000; count++) {
      const { status } = await make(gateway, `user${count}`);
      if (status === 200) acknowledged.push(`user${count}`);
      else {
        expect(status).toBe(503);
        refused.push(`user${count}`);
      }
    }
    expect(refused).toHaveLength(3);
    await untilLogged(gateway, /cannot write the user store .*File too large/);
    const [some = ''] = acknowledged;
    expect(await statusAt(gateway, `${some}:password`)).toBe(200);
    limit('unlimited');
    for (const name of refused) expect((await make(gateway, name)).status).toBe(200);
    expect(new Set(await namesAt(gateway))).toEqual(new Set(['root', ...acknowledged, ...refused]));
    expect(await gateway.stop()).toBe(0);
  },
  LIMIT_MS,
);

test(
  'an export brings everybody back into a store that is lost: users, subscriptions, the end of the bootstrap',
  async () => {
    const first = await start();
    const { configFile } = first;
    await addUser(configFile, { name: 'root', password: 'root-password', admin: true });
    await addUser(configFile, { name: '管理者', password: '秘密', permissions: ['api:read'] });
    expect((await make(first, 'stan', 'first')).status).toBe(200);
    expect(await statusAt(first, ROOT, 'PATCH', `${USERS}/stan`, { password: 'second' })).toBe(200);
    const made = await cli(first, ['subscriptions', 'add', 'influx', '--db', 'telegraf', '--json']);
    const { path } = JSON.parse(made) as { readonly path: string };
    const backup = join(dir.path, 'users.jsonl');
    await cli(first, ['users', 'export', '--output', backup]);
    // What is made behind the backup is what is lost.
    expect((await make(first, 'late')).status).toBe(200);
    await first.kill();
    await rm(join(dir.path, 'store'), { recursive: true });

    await cli(first, ['users', 'import', backup, '--apply']);
    const second = await start();
    expect(await statusAt(second, ROOT, 'GET', USERS)).toBe(200);
    expect(await statusAt(second, '管理者:秘密')).toBe(200);
    expect(await statusAt(second, '管理者:秘密', 'DELETE', `${TASKS}/x`)).toBe(403);
    expect(await statusAt(second, 'stan:second')).toBe(200);
    expect(await statusAt(second, 'stan:first')).toBe(401);
    expect(await statusAt(second, 'late:password')).toBe(401);
    const write = (db: string): Promise<ApiAnswer> =>
      call(second.port, 'POST', `${path}/write?db=${db}`, { body: 'cpu v=1' });
    expect((await write('telegraf')).status).toBe(200);
    expect((await write('other')).status).toBe(403);
    const eve = { name: 'eve', password: 'password', type: 'admin' };
    const headers = { Host: `localhost:${second.port}` };
    expect((await call(second.port, 'POST', USERS, { headers, body: eve })).status).toBe(401);
    expect(await second.stop()).toBe(0);
  },
  LIMIT_MS,
);
