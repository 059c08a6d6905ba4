import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { call } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import {
  MAIN,
  addUser,
  isTaken,
  runKapgate,
  startByArguments,
  startGateway,
  writeConfig,
} from '../support/gateway-process.ts';
import { logSoFar, untilLogged } from '../support/logged.ts';
import { openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const PING = '/kapacitor/v1/ping';

let upstream: RecordingUpstream;
let dir: TempDir;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.9' }));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

describe('serve', () => {
  test.each([
    ['-config', 'FILE'],
    ['-config=FILE'],
    ['--config', 'FILE'],
    ['-c', 'FILE', 'serve'],
    ['serve', '--config', 'FILE'],
    ['serve', '-config=FILE'],
  ])('runs by %j %j %j', async (...words) => {
    const port = await findFreePort();
    const configFile = await writeConfig({ dir: dir.path, upstream: upstream.url, port });
    const args = words.map((word) => word.replace('FILE', configFile));
    const gateway = await startByArguments(args, port, { configFile });
    expect((await call(port, 'GET', PING)).status).toBe(401);
    await untilLogged(gateway, /msg=listening address=127\.0\.0\.1:\d+ upstream=http/);
    expect(await gateway.stop()).toBe(0);
    expect(gateway.log).toMatch(/msg=stopping signal=SIGTERM\n.*msg=stopped\n$/);
  });

  test('runs by a kapacitor.conf, and tells each warning once', async () => {
    const port = await findFreePort();
    const configFile = join(dir.path, 'kapacitor.conf');
    await writeFile(
      configFile,
      `data_dir = "/x"\n[http]\nbind-address = "127.0.0.1:${port}"\nauth-enabled = false\n[auth]\nenabled = false\n[smtp]\nenabled = false\n`,
    );
    const gateway = await startByArguments(['-config', configFile], port, {
      configFile,
      env: {
        KAPGATE_ADMIN_BIND_ADDRESS: '',
        KAPGATE_UPSTREAM_URL: upstream.url,
        KAPGATE_STORE_PATH: join(dir.path, 'store'),
      },
    });
    // The stock file says "open" twice: it is not taken.
    expect((await call(port, 'GET', PING)).status).toBe(401);
    await logSoFar(gateway);
    for (const words of [
      /is read as a kapacitor\.conf/g,
      /auth-enabled = false .* is not taken/g,
    ]) {
      expect(gateway.log.match(words)).toHaveLength(1);
    }
    expect(gateway.log.split('\n').filter((line) => !/^ts=|^$/.test(line))).toEqual([]);
    await gateway.stop();
  });

  test('says who has the port, and ends with 1', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const configFile = await writeConfig({ dir: dir.path, upstream: upstream.url, port });
    const { code, stderr } = await runKapgate(['serve', '--config', configFile]);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot listen on 127\.0\.0\.1:\d+: .*another process has this port/);
    expect(stderr).not.toMatch(/^\s+at |Error:/m);
  });

  test('a second gateway on the same store serves the same users', async () => {
    const one = await startGateway({ dir: dir.path, upstream: upstream.url });
    const port = await findFreePort();
    const other = await startGateway({ dir: dir.path, upstream: upstream.url, port });
    const body = { name: 'root', password: 'root-password', type: 'admin' };
    expect((await call(one.port, 'POST', '/kapacitor/v1/users', { body })).status).toBe(200);
    expect((await call(other.port, 'GET', PING, { user: 'root:root-password' })).status).toBe(204);
    expect((await call(other.port, 'POST', '/kapacitor/v1/users', { body })).status).toBe(401);
    await other.stop();
    await one.stop();
  });

  test('an open gate lets everybody through but to the users API, and says so', async () => {
    const gateway = await startGateway({
      dir: dir.path,
      upstream: upstream.url,
      settings: { http: { 'auth-enabled': 'false' }, auth: { enabled: 'false' } },
    });
    expect((await call(gateway.port, 'GET', PING)).status).toBe(204);
    expect((await call(gateway.port, 'GET', '/kapacitor/v1/users')).status).toBe(401);
    await untilLogged(gateway, /lvl=warn msg="THE GATE IS OPEN/);
    await gateway.stop();
  });

  test('SIGINT and SIGTERM end it; a second one at once, whatever is open', async () => {
    const settings = { http: { 'shutdown-timeout': '"5m"' } };
    const gateway = await startGateway({ dir: dir.path, upstream: upstream.url, settings });
    const connection = await openRawConnection(gateway.port);
    connection.send(requestText('GET', PING));
    expect((await connection.receive()).status).toBe(401);
    process.kill(gateway.pid, 'SIGINT');
    await eventually('the listener closes', () => gateway.log.includes('msg=stopping'));
    process.kill(gateway.pid, 'SIGTERM');
    expect(await gateway.exited).toBe(1);
    connection.destroy();
  });

  test('goes on where the reader of its log is gone', async () => {
    const port = await findFreePort();
    const configFile = await writeConfig({ dir: dir.path, upstream: upstream.url, port });
    await addUser(configFile, { name: 'stan', password: 'password', permissions: ['api'] });
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', configFile], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    for (let tries = 0; tries < 400 && !(await isTaken(port)); tries++) {
      await sleep(25);
    }
    child.stderr.destroy();
    child.stdout.destroy();
    for (let asked = 0; asked < 20; asked++) {
      expect((await call(port, 'GET', PING, { user: 'stan:password' })).status).toBe(204);
    }
    child.kill('SIGTERM');
    expect(await exited).toBe(0);
  });

  test('writes its log to a file, where one is named, and nothing else', async () => {
    const file = join(dir.path, 'gateway.log');
    const port = await findFreePort();
    const configFile = await writeConfig({
      ...{ dir: dir.path, upstream: upstream.url, port },
      settings: { log: { file: JSON.stringify(file), format: '"json"' } },
    });
    const gateway = await startByArguments(['-config', configFile], port, { configFile });
    await call(port, 'GET', PING);
    expect(await gateway.stop()).toBe(0);
    expect(gateway.log).toBe('');
    const lines = (await readFile(file, 'utf8')).trimEnd().split('\n');
    const messages = lines.map((line) => (JSON.parse(line) as { readonly msg: string }).msg);
    expect(messages).toEqual(expect.arrayContaining(['listening', 'http request', 'stopped']));
  });

  test('a log that cannot be written is told, and ends with 1', async () => {
    const configFile = await writeConfig({
      ...{ dir: dir.path, upstream: upstream.url, port: 2 },
      settings: { log: { file: '"/nonexistent/gateway.log"' } },
    });
    const { code, stderr } = await runKapgate(['serve', '--config', configFile]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^kapgate: cannot open the log "\/nonexistent\/gateway\.log"/);
  });
});
