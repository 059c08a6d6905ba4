import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../support/api.ts';
import { findCurl, paste } from '../support/curl.ts';
import { findFreePort } from '../support/free-port.ts';
import { MAIN, runKapgate, startByArguments } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { untilLogged } from '../support/logged.ts';
import { exchange } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const testWithCurl = findCurl('the documented bootstrap') ? test : test.skip;

let upstream: RecordingUpstream;
let dir: TempDir;
let port: number;
let running: GatewayProcess | undefined;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.9' }));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  upstream.clear();
  dir = await createTempDir();
  port = await findFreePort();
});

afterEach(async () => {
  await running?.stop();
  running = undefined;
  await dir.remove();
});

/** A kapacitor.conf in the form of Kapacitor's documentation: the port is all that the test adds. */
function kapacitorConf(authEnabled: boolean): string {
  return `hostname = "localhost"
data_dir = "/var/lib/kapacitor"

[http]
  # HTTP API Server for Kapacitor
  bind-address = "127.0.0.1:${port}"
  log-enabled = true
  write-tracing = false
  pprof-enabled = false
  https-enabled = false
  auth-enabled = ${String(authEnabled)}

[auth]
  enabled = true
  cache-expiration = "1h"
  bcrypt-cost = 4
  meta-addr = ""
  meta-username = ""
  meta-password = ""
  meta-use-tls = false
  meta-ca = ""
  meta-cert = ""
  meta-key = ""
  meta-insecure-skip-verify = false

[[influxdb]]
  enabled = true
  name = "localhost"
  urls = ["http://localhost:8086"]
`;
}

interface Start {
  readonly authEnabled?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

/** `kapgate -config kapacitor.conf`, as operators typed it for kapacitord. */
async function start({ authEnabled = false, env = {} }: Start = {}): Promise<GatewayProcess> {
  const configFile = join(dir.path, 'kapacitor.conf');
  await writeFile(configFile, kapacitorConf(authEnabled));
  running = await startByArguments(['-config', configFile], port, {
    configFile,
    env: { ...surroundings(), ...env },
  });
  return running;
}

/** What a kapacitor.conf does not say. */
function surroundings(): Record<string, string> {
  return {
    KAPGATE_ADMIN_BIND_ADDRESS: '',
    KAPGATE_UPSTREAM_URL: upstream.url,
    KAPGATE_STORE_PATH: join(dir.path, 'store'),
  };
}

async function stop(): Promise<void> {
  expect(await running?.stop()).toBe(0);
  running = undefined;
}

const FIRST = { name: 'first', password: 'first-password', type: 'admin' };
const USERS = '/kapacitor/v1/users';

/** The names of all users, as the CLI lists them. */
async function names(): Promise<readonly string[]> {
  const configFile = running?.configFile ?? '';
  const listed = await runKapgate(['--config', configFile, 'users', 'list', '--json'], {
    env: surroundings(),
  });
  expect(listed.code).toBe(0);
  const lines = listed.stdout.split('\n').filter(Boolean);
  return lines.map((line) => (JSON.parse(line) as { readonly name: string }).name);
}

describe('the documented bootstrap', () => {
  testWithCurl('works word for word', async () => {
    await untilLogged(await start(), 'is not taken: what is said to Kapacitor can close the gate');
    const created =
      await paste(`curl -s -w '%{http_code}' --request POST 'http://localhost:${port}/kapacitor/v1/users' \\
  --data '{
    "name": "exampleUsername",
    "password": "examplePassword",
    "type":"admin"
  }'`);
    expect(created.stdout).toBe(`{
    "link": {
        "rel": "self",
        "href": "/kapacitor/v1/users/exampleUsername"
    },
    "name": "exampleUsername",
    "type": "admin",
    "permissions": []
}200`);
    const first = running;
    await stop();
    expect(first?.log).toMatch(/msg="users changed" action=created user=exampleUsername/);

    await start({ authEnabled: true });
    const admin = `-u exampleUsername:examplePassword`;
    const users = `http://localhost:${port}/kapacitor/v1/users`;
    const stan = await paste(`curl -s -w '%{http_code}' ${admin} --request POST '${users}' \\
  --data '{"name": "stan", "password": "pass", "type":"normal", "permissions": ["config_api"]}'`);
    expect(stan.stdout).toMatch(/"name": "stan",\n {4}"type": "normal",[^]*"config_api"[^]*200$/);

    const changed =
      await paste(`curl -s -w '%{http_code}' ${admin} --request PATCH '${users}/stan' \\
  --data '{"password": "changed", "permissions": ["config_api", "api"]}'`);
    expect(changed.stdout).toMatch(/"api",\n\s*"config_api"[^]*200$/);
    const tasks = `curl -s -o /dev/null -w '%{http_code} ' http://localhost:${port}/kapacitor/v1/tasks`;
    const asked = await paste(`${tasks} -u stan:pass; ${tasks} -u stan:changed; ${tasks}`);
    expect(asked.stdout).toBe('401 204 401 ');

    const deleted = await paste(
      `curl -s -w '%{http_code}' ${admin} --request DELETE '${users}/stan'; ${tasks} -u stan:changed`,
    );
    expect(deleted.stdout).toBe('204401 ');
  });

  testWithCurl('and by its variables', async () => {
    const env = { KAPACITOR_AUTH_ENABLED: 'true', KAPACITOR_AUTH_BCRYPT: '4' };
    await start({ env });
    const url = `http://localhost:${port}${USERS}`;
    const line = `curl -s -o /dev/null -w '%{http_code}' ${url} --data '${JSON.stringify(FIRST)}'`;
    expect((await paste(line)).stdout).toBe('200');
    await stop();
    await start({ env: { ...env, KAPACITOR_HTTP_AUTH_ENABLED: 'true' } });
    const list = await call(port, 'GET', USERS, { user: 'first:first-password' });
    expect(list.status).toBe(200);
  });
});

interface Tried {
  readonly body?: unknown;
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Requests that anybody's browser, proxy or curiosity may bring: none of them makes an admin. */
const REFUSED: readonly Tried[] = [
  ...Object.entries({
    'X-Forwarded-For': '127.0.0.1',
    'X-Forwarded-Host': 'localhost',
    'X-Forwarded-Proto': 'http',
    'X-Forwarded-Anything': '',
    X_Forwarded_For: '127.0.0.1',
    'X-Real-IP': '127.0.0.1',
    Forwarded: 'for=127.0.0.1',
    Via: '1.1 proxy',
    Referer: 'http://localhost/',
    Cookie: 'session=1',
    'Sec-Fetch-Site': 'same-origin',
    'Sec-Fetch-Mode': 'no-cors',
    Authorization: 'Basic Zmlyc3Q6Zmlyc3QtcGFzc3dvcmQ=',
    'Proxy-Authorization': 'Basic Zmlyc3Q6Zmlyc3QtcGFzc3dvcmQ=',
  }).map(([name, value]) => ({ headers: { [name]: value } })),
  ...[
    'kapacitor',
    'kapacitor.example.com',
    'localhost.evil.com',
    '10.0.0.1',
    '127.0.0.1.nip.io',
  ].map((host) => ({ headers: { Host: host } })),
  { body: { ...FIRST, type: undefined } },
  { body: { ...FIRST, type: 'normal' } },
  { body: { ...FIRST, type: '' } },
  { body: {} },
  { path: `${USERS}?x=1` },
  { path: `${USERS}?u=first&p=first-password` },
  { path: `${USERS}/first` },
  { path: '/kapacitor/v1preview/users' },
  { method: 'PUT' },
  { method: 'GET', body: '' },
  { method: 'PATCH', path: `${USERS}/first` },
  { method: 'POST', path: '/kapacitor/v1/tasks' },
  { method: 'POST', path: '/write?db=telegraf' },
];

function attempt({ method = 'POST', path = USERS, headers, body = FIRST }: Tried = {}) {
  return call(port, method, path, { headers: { Host: `localhost:${port}`, ...headers }, body });
}

describe('what is not the documented request', () => {
  test('is refused, and the documented one still passes', async () => {
    const gateway = await start();
    for (const tried of REFUSED) {
      const { status } = await attempt(tried);
      expect({ tried, status }).toEqual({ tried, status: 401 });
    }
    // A page of the gateway's own origin is no operator; a foreign one is refused before anybody asks who it is.
    const own = await attempt({ headers: { Origin: `http://localhost:${port}` } });
    expect(own.status).toBe(401);
    for (const origin of ['http://localhost', 'http://evil.example', 'null']) {
      expect((await attempt({ headers: { Origin: origin } })).status).toBe(403);
    }
    const upgraded = await exchange(
      port,
      `POST ${USERS} HTTP/1.0\r\nContent-Length: 2\r\nX-Forwarded-For: ::1\r\n\r\n{}`,
    );
    expect(upgraded.status).toBe(401);
    expect(upstream.requests).toEqual([]);
    expect(await names()).toEqual([]);
    await untilLogged(gateway, /kapgate users add NAME --admin.*curl -XPOST/);
    expect((await attempt()).status).toBe(200);
  });

  test('a body that cannot be read makes nobody, and closes nothing', async () => {
    await start();
    for (const body of ['', '{', '[]', '{"type":"admin","type":"admin"}', 'x'.repeat(70_000)]) {
      const { status } = await attempt({ body });
      expect([400, 401, 413]).toContain(status);
    }
    expect((await attempt({ body: { ...FIRST, name: 'a b' } })).status).toBe(400);
    expect((await attempt({ body: { ...FIRST, password: '' } })).status).toBe(400);
    expect(await names()).toEqual([]);
    expect((await attempt()).status).toBe(200);
  });
});

describe('the second admin', () => {
  test('of many at once, one is made', async () => {
    await start();
    const all = Array.from({ length: 20 }, (_, index) =>
      attempt({ body: { ...FIRST, name: `admin${index}` } }),
    );
    const statuses = (await Promise.all(all)).map(({ status }) => status);
    expect(statuses.toSorted()).toEqual([200, ...Array.from({ length: 19 }, () => 401)]);
    expect(await names()).toHaveLength(1);
  });

  test('nothing opens the bootstrap again: neither a restart nor a deletion', async () => {
    await start();
    expect((await attempt()).status).toBe(200);
    expect((await attempt()).status).toBe(401);
    expect((await attempt({ body: { ...FIRST, name: 'second' } })).status).toBe(401);
    const user = 'first:first-password';
    const eva = { name: 'eva', password: 'eva-password', type: 'admin' };
    expect((await call(port, 'POST', USERS, { user, body: eva })).status).toBe(200);
    const asEva = { user: 'eva:eva-password' };
    expect((await call(port, 'DELETE', `${USERS}/first`, asEva)).status).toBe(204);
    expect((await attempt()).status).toBe(401);
    expect((await call(port, 'DELETE', `${USERS}/eva`, asEva)).status).toBe(409);
    const demoted = await call(port, 'PATCH', `${USERS}/eva`, {
      ...asEva,
      body: { type: 'normal' },
    });
    expect(demoted.status).toBe(409);
    await stop();
    await start();
    expect((await attempt()).status).toBe(401);
    expect(await names()).toEqual(['eva']);
  });

  test('an admin made by the CLI, before or while it runs, closes it too', async () => {
    await start();
    const args = ['--config', running?.configFile ?? '', 'users', 'add', 'root', '--admin'];
    const added = await runKapgate([...args, '--password-stdin'], {
      input: 'root-password\n',
      env: surroundings(),
    });
    expect(added.code).toBe(0);
    expect((await attempt()).status).toBe(401);
    expect((await call(port, 'GET', USERS, { user: 'root:root-password' })).status).toBe(200);
  });
});

test('[auth] bootstrap = false closes it from the start', async () => {
  await start({ env: { KAPGATE_AUTH_BOOTSTRAP: 'false' } });
  expect((await attempt()).status).toBe(401);
  expect(await names()).toEqual([]);
});

test('a store that cannot be read is not one without an admin', async () => {
  await start();
  expect((await attempt()).status).toBe(200);
  await stop();
  await writeFile(join(dir.path, 'store', 'data.mdb'), '');
  await expect(start()).rejects.toThrow(/kapgate ended with 1: .*user store/s);
});

/** A network of its own, in which 198.51.100.7 is an address of this host and nobody else can come in. */
async function inOwnNetwork(
  script: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const setUp = 'ip link set lo up && ip addr add 198.51.100.7/32 dev lo || exit 77';
  const result = await paste(
    `unshare --map-root-user --net sh -c '${setUp}\n${script.replaceAll("'", `'\\''`)}'`,
    surroundings(),
  );
  return result;
}

testWithCurl('from another address than loopback it is refused, whatever Host says', async () => {
  if ((await inOwnNetwork('exit 0')).code !== 0) {
    process.stderr.write(
      'skipped: no network namespace can be made (the bootstrap from another address)\n',
    );
    return;
  }
  const conf = join(dir.path, 'kapacitor.conf');
  await writeFile(conf, kapacitorConf(false).replace('127.0.0.1:', ':'));
  const post = `curl -s -o /dev/null -w '%{http_code} ' -H 'Host: localhost' --data '${JSON.stringify(FIRST)}'`;
  const { stdout } = await inOwnNetwork(`
    '${process.execPath}' '${MAIN}' -config '${conf}' 2> '${dir.path}/log' &
    for attempt in $(seq 100); do
      curl -s -o /dev/null http://127.0.0.1:${port}/ && break
      sleep 0.1
    done
    ${post} http://198.51.100.7:${port}${USERS}
    ${post} http://127.0.0.1:${port}${USERS}
    kill $!
    wait $!
    echo $?`);
  expect(stdout).toBe('401 200 0\n');
});
