import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { startMetaNode } from '../../src/commands/try/meta-stand-in.ts';
import type { MetaNode } from '../../src/commands/try/meta-stand-in.ts';
import { writeConfig } from '../support/gateway-process.ts';
import { createCluster } from '../support/meta-cluster.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const [ALLOWED, FAILED, DENIED] = [0, 1, 2];

let dir: TempDir;
let node: MetaNode;
let configFile: string;

beforeAll(async () => {
  dir = await createTempDir();
  const cluster = await createCluster(
    [
      { name: 'kapgate' },
      { name: 'root' },
      { name: 'phantom', permissions: { '': ['KapacitorAPI', 'Monitor', 'Nonsense'] } },
      { name: 'carl', permissions: { telegraf: ['WriteData'] }, hashing: 'pbkdf2-sha256' },
      { name: 'ldapper', password: 'CANARY', hashing: 'ldap' },
      { name: '管理者', hashing: 'pbkdf2-sha512' },
    ],
    [
      { name: 'spectre', permissions: { '': ['KapacitorConfigAPI'] }, users: ['phantom'] },
      { name: 'ops', users: ['管理者', 'ldapper'] },
    ],
  );
  node = await startMetaNode({ cluster, demands: { kind: 'basic' } });
  configFile = await writeConfig({
    dir: dir.path,
    upstream: 'http://127.0.0.1:1',
    port: 2,
    settings: {
      auth: {
        'meta-addr': JSON.stringify(node.address),
        'meta-username': '"kapgate"',
        'meta-password': '"pw-kapgate"',
        'meta-timeout': '"1s"',
        'meta-admins': '["root", "role:ops"]',
      },
    },
  });
});

afterAll(async () => {
  await node.stop();
  await dir.remove();
});

afterEach(() => {
  node.fault(undefined);
  node.fault(undefined, '/role');
});

async function explain(
  user: string,
  method: string,
  target: string,
): Promise<{ readonly code: number; readonly steps: readonly string[]; readonly stderr: string }> {
  const args = ['--config', configFile, 'explain', '--user', user, method, target];
  const { code, stdout, stderr } = await runHere(args);
  expect(stdout + stderr).not.toMatch(/pw-|CANARY|\$2[aby]?\$|\$pbkdf2/);
  const steps = stdout.trimEnd().split('\n');
  return { code, steps: steps.map((step) => step.replace(/ +/g, ' ')), stderr };
}

const TASKS = '/kapacitor/v1/tasks';
const CONFIG = '/kapacitor/v1/config/influxdb';
const USERS = '/kapacitor/v1/users';

describe('explain of a user of a meta node', () => {
  test('shows which permission decided', async () => {
    const { code, steps } = await explain('phantom', 'GET', TASKS);
    expect(code).toBe(ALLOWED);
    expect(steps).toEqual([
      'request GET /kapacitor/v1/tasks',
      'path /kapacitor/v1/tasks (decoded once, clean: as Kapacitor reads it)',
      'sent /kapacitor/v1/tasks',
      `user phantom: normal, at ${node.url}`,
      'password checked here: bcrypt',
      'roles "spectre"',
      'admin no: neither the name nor a role of the user stands in meta-admins',
      'ignored unknown permissions: "Nonsense"',
      'needs read on /api/tasks',
      'looked at /api/tasks: no grant',
      'looked at /api: read, write, delete (by KapacitorAPI)',
      'decided yes: the nearest grant decides, KapacitorAPI on /api',
      'allowed it goes to Kapacitor',
    ]);
  });

  test('shows which role decided', async () => {
    const { code, steps } = await explain('phantom', 'POST', CONFIG);
    expect(code).toBe(ALLOWED);
    expect(steps).toContain(
      'decided yes: the nearest grant decides, KapacitorConfigAPI by role spectre on /api/config',
    );
  });

  test('a missing right is denied, with what was looked at', async () => {
    const { code, steps } = await explain('carl', 'POST', '/write?db=secret');
    expect(code).toBe(DENIED);
    expect(steps).toContain('password checked here: pbkdf2-sha256');
    expect(steps).toContain('roles none');
    expect(steps.at(-1)).toMatch(/^denied user carl does not have "write" .* database "secret"$/);
  });

  test.each([
    ['root', 'yes: "root" stands in meta-admins', 'checked here: bcrypt'],
    ['管理者', 'yes: "role:ops" stands in meta-admins', 'checked here: pbkdf2-sha512'],
    ['ldapper', 'yes: "role:ops" stands in meta-admins', 'checked by the meta node: there is no'],
  ])('%s is an admin, and by which entry', async (name, admin, password) => {
    const { code, steps } = await explain(name, 'GET', '/kapacitor/v1/storage/backup');
    expect(code).toBe(ALLOWED);
    expect(steps).toContain(`admin ${admin}`);
    expect(steps).toContainEqual(expect.stringContaining(`password ${password}`));
  });

  test('where roles may not be read, they grant nothing, and a step says so', async () => {
    node.fault({ kind: 'status', status: 403 }, '/role');
    const { code, steps } = await explain('phantom', 'POST', CONFIG);
    expect(code).toBe(DENIED);
    expect(steps).toContainEqual(
      expect.stringMatching(/^roles not known, so they grant nothing: .* does not let /),
    );
  });

  test.each([
    ['POST', USERS, 'root'],
    ['PATCH', `${USERS}/phantom`, 'root'],
    ['DELETE', `${USERS}/phantom`, 'root'],
    ['PATCH', `${USERS}/phantom`, 'phantom'],
  ])('%s %s by %s is 405, and where it is done', async (method, target, user) => {
    const { code, steps } = await explain(user, method, target);
    expect(code).toBe(DENIED);
    expect(steps.at(-1)).toBe(
      `denied 405: users are kept by the InfluxDB Enterprise meta node at ${node.url}: change them there`,
    );
  });

  test('who may list users may, and who may not is denied by that', async () => {
    expect((await explain('root', 'GET', USERS)).steps.at(-1)).toBe(
      'allowed the gateway answers it',
    );
    const { code, steps } = await explain('phantom', 'POST', USERS);
    expect([code, steps.at(-1)]).toEqual([
      DENIED,
      expect.stringContaining('does not have "write"'),
    ]);
  });

  test('a user whom the nodes do not know: exit 1, local ones do not count', async () => {
    const add = ['--config', configFile, 'users', 'add', 'local', '--admin', '--password-stdin'];
    expect((await runHere(add, { input: 'password' })).code).toBe(0);
    const { code, stderr } = await explain('local', 'GET', TASKS);
    expect(code).toBe(FAILED);
    expect(stderr).toBe(`kapgate: there is no user "local" at ${node.url}\n`);
  });

  test.each([
    [{ kind: 'status', status: 500 }, 'answers 500'],
    [{ kind: 'status', status: 401 }, 'check meta-username and meta-password'],
    [{ kind: 'garbage' }, 'check meta-addr'],
  ] as const)('%j: exit 1, with the sentence of the fault', async (fault, words) => {
    node.fault(fault);
    const { code, steps, stderr } = await explain('phantom', 'GET', TASKS);
    expect([code, steps]).toEqual([FAILED, ['']]);
    expect(stderr).toMatch(/^kapgate: .*meta node http:.*\n$/);
    expect(stderr).toContain(words);
  });
});

describe('commands beside meta nodes', () => {
  test.each([
    [['users', 'list']],
    [['users', 'add', 'stan', '--password-stdin']],
    [['users', 'grant', 'stan', 'api']],
    [['users', 'delete', 'stan']],
  ])('%j works on the local store, and says that it has no effect', async (command) => {
    const args = ['--config', configFile, ...command];
    const { code, stderr } = await runHere(args, { input: 'password' });
    expect(code).toBe(0);
    expect(stderr).toContain(
      `kapgate: this is the local store, whose users have no effect while [auth] meta-addr is set: users are kept by the InfluxDB Enterprise meta node at ${node.url}: change them there\n`,
    );
  });

  test('token signs for a name that the local store does not know', async () => {
    const env = { KAPGATE_HTTP_SHARED_SECRET: 'sixteen bytes or more' };
    const args = ['--config', configFile, 'token', '--user', 'phantom'];
    const { code, stdout } = await runHere(args, { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
  });

  test('check has a line for the node, and misses no local admin', async () => {
    const { stdout } = await runHere(['--config', configFile, 'check', '--json']);
    const findings = JSON.parse(stdout) as readonly { part: string; result: string }[];
    expect(findings.map(({ part, result }) => `${part} ${result}`)).toEqual([
      'config ok',
      'gate ok',
      'store ok',
      'upstream fault',
      'admin ok',
      'meta ok',
    ]);
  });
});
