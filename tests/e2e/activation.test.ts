import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { chmod, writeFile } from 'node:fs/promises';
import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findPython, startActivated } from '../support/activated.ts';
import type { Activated } from '../support/activated.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { MAIN, addUser, isTaken, startGateway, writeConfig } from '../support/gateway-process.ts';
import type { GatewayOptions, GatewayProcess } from '../support/gateway-process.ts';
import { logSoFar } from '../support/logged.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const describeWithPython = findPython('sockets that systemd opened') ? describe : describe.skip;

const BASIC = `Basic ${Buffer.from('writer:password').toString('base64')}`;
const PING = requestText('GET', '/kapacitor/v1/ping', [`Authorization: ${BASIC}`]);

let dir: TempDir;
let upstream: RecordingUpstream;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

beforeEach(async () => {
  dir = await createTempDir();
  upstream.clear();
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((gateway) => gateway.stop()));
  await dir.remove();
});
afterAll(() => upstream.stop());

/** What a test leaves running. */
const running: { stop(): Promise<unknown> }[] = [];

async function serve(options: Omit<GatewayOptions, 'dir' | 'upstream'>): Promise<GatewayProcess> {
  const gateway = await startGateway({ dir: dir.path, upstream: upstream.url, ...options });
  running.push(gateway);
  return gateway;
}

async function config(http: Readonly<Record<string, string>> = {}): Promise<string> {
  const file = await writeConfig({
    dir: dir.path,
    upstream: upstream.url,
    port: await findFreePort(),
    settings: { http: { 'shutdown-timeout': '"300ms"', ...http } },
  });
  await addUser(file, { name: 'writer', password: 'password', permissions: ['write_points'] });
  return file;
}

async function activate(places: readonly string[], file: string): Promise<Activated> {
  const activated = await startActivated(places, file, dir.path);
  running.push(activated);
  return activated;
}

const WRITERS = 4;
/** What is under way ends on a busy machine too. */
const PATIENT = { 'shutdown-timeout': '"60s"' };

/** Posts again and again on kept connections until it is told to stop; what went wrong. */
function keepPosting(port: number): {
  readonly sent: () => number;
  stop(): Promise<readonly string[]>;
} {
  // None of them is ever idle: those a stop waits for.
  const agent = new Agent({ keepAlive: true, maxSockets: WRITERS });
  const failures: string[] = [];
  let [sent, isStopping] = [0, false];
  const post = (): Promise<void> =>
    new Promise((resolve) => {
      const outgoing = request(
        {
          port,
          host: '127.0.0.1',
          agent,
          method: 'POST',
          path: '/write?db=telegraf',
          headers: { Authorization: BASIC },
        },
        (response) => {
          if (response.statusCode !== 204) failures.push(String(response.statusCode));
          response.resume().once('close', resolve);
        },
      );
      outgoing.once('error', ({ message }) => {
        failures.push(message);
        resolve();
      });
      outgoing.end('cpu value=1');
      sent += 1;
    });
  const writer = async (): Promise<void> => {
    while (!isStopping) await post();
  };
  const writers = Promise.all(Array.from({ length: WRITERS }, writer));
  const posting = {
    sent: () => sent,
    stop: async () => {
      isStopping = true;
      await writers;
      agent.destroy();
      return failures;
    },
  };
  running.push(posting);
  return posting;
}

describeWithPython('sockets that systemd opened', () => {
  test('ten restarts under load lose no request', async () => {
    const gateway = await activate(['tcp'], await config(PATIENT));
    const posting = keepPosting(gateway.port);
    await eventually('it serves', () => posting.sent() > 20, 60_000);
    for (let round = 0; round < 10; round++) {
      expect(await gateway.restart()).toBe('restarted 0');
      // What is sent from here on is answered by the new one, which then knows SIGTERM.
      const before = posting.sent();
      await eventually('it serves again', () => posting.sent() > before + 20, 60_000);
    }
    expect(await posting.stop()).toEqual([]);
    expect(upstream.requests).toHaveLength(posting.sent());
    expect(await gateway.stop()).toBe(0);
  }, 240_000);

  test('restarts of a gateway of several processes lose no request', async () => {
    const gateway = await activate(['tcp'], await config({ ...PATIENT, workers: '2' }));
    const posting = keepPosting(gateway.port);
    await eventually('it serves', () => posting.sent() > 20, 60_000);
    for (let round = 0; round < 3; round++) {
      expect(await gateway.restart()).toBe('restarted 0');
      // What is sent from here on is answered by the new one, which then knows SIGTERM.
      const before = posting.sent();
      await eventually('it serves again', () => posting.sent() > before + 20, 60_000);
    }
    expect(await posting.stop()).toEqual([]);
    expect(upstream.requests).toHaveLength(posting.sent());
    expect(await gateway.stop()).toBe(0);
  }, 240_000);

  test('each takes the place of the key of its kind', async () => {
    const path = join(dir.path, 'given.sock');
    const own = join(dir.path, 'own.sock');
    const file = await config({ 'unix-socket': JSON.stringify(own) });
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]);
    const gateway = await activate([path, 'tcp'], file);
    expect((await exchange(gateway.port, PING)).status).toBe(204);
    expect((await exchange(0, PING, { path })).status).toBe(204);
    expect(await isTaken(port)).toBe(false);
    expect(existsSync(own)).toBe(false);
    expect(gateway.log()).toContain(`address=127.0.0.1:${gateway.port}`);
    await gateway.stop();
  });

  test('a Unix socket alone leaves bind-address as it is', async () => {
    const path = join(dir.path, 'given.sock');
    const file = await config();
    const port = Number(/127\.0\.0\.1:(\d+)/.exec(readFileSync(file, 'utf8'))?.[1]);
    const gateway = await activate([path], file);
    expect((await exchange(0, PING, { path })).status).toBe(204);
    await eventually('it listens', () => isTaken(port));
    expect((await exchange(port, PING)).status).toBe(204);
    await gateway.stop();
  });

  test('variables meant for another process are passed over', async () => {
    const gateway = await serve({
      env: { LISTEN_FDS: '1', LISTEN_PID: String(process.pid) },
    });
    expect((await exchange(gateway.port, PING)).status).toBe(401);
    expect(await gateway.stop()).toBe(0);
  });
});

describe('[http] unix-socket', () => {
  const start = async (path: string): Promise<GatewayProcess> => {
    const gateway = await serve({
      settings: {
        http: { 'unix-socket': JSON.stringify(path), 'shutdown-timeout': '"100ms"' },
        limits: { 'login-failures': '"2 per 1m"' },
      },
    });
    await addUser(gateway.configFile, {
      name: 'writer',
      password: 'password',
      permissions: ['all'],
    });
    return gateway;
  };

  test('is for owner and group, replaces what a killed gateway left, and is gone at the stop', async () => {
    const path = join(dir.path, 'own.sock');
    const first = await start(path);
    expect(lstatSync(path).mode & 0o777).toBe(0o660);
    await first.kill();
    expect(existsSync(path)).toBe(true);
    const second = await serve({
      settings: { http: { 'unix-socket': JSON.stringify(path), 'shutdown-timeout': '"100ms"' } },
    });
    // The TCP port is first.
    await eventually('it listens on both', () => second.log.includes('msg=listening'));
    expect((await exchange(0, PING, { path })).status).toBe(204);
    expect(upstream.requests[0]?.headers).toContainEqual(['X-Forwarded-For', 'unix']);
    expect(await second.stop()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  test('knows its peers as unix, and limits their failed logins', async () => {
    const path = join(dir.path, 'own.sock');
    const gateway = await start(path);
    const wrong = (round: number): string =>
      requestText('GET', '/kapacitor/v1/ping', [
        `Authorization: Basic ${Buffer.from(`stan:wrong ${round}`).toString('base64')}`,
      ]);
    const statuses: number[] = [];
    for (let round = 0; round < 3; round++) {
      statuses.push((await exchange(0, wrong(round), { path })).status);
    }
    expect(statuses).toEqual([401, 401, 429]);
    expect((await exchange(0, PING, { path })).status).toBe(204);
    await eventually('it is logged', () => gateway.log.includes('msg="login failed" host=unix'));
    await gateway.stop();
  });

  test('is no way to the first admin', async () => {
    const path = join(dir.path, 'own.sock');
    const gateway = await serve({
      settings: { http: { 'unix-socket': JSON.stringify(path), 'shutdown-timeout': '"100ms"' } },
    });
    await eventually('it listens on both', () => gateway.log.includes('msg=listening'));
    const body = '{"name":"root","password":"a password","type":"admin"}';
    const bytes = requestText('POST', '/kapacitor/v1/users', [], body).replace(
      'kapgate',
      'localhost',
    );
    expect((await exchange(0, bytes, { path })).status).toBe(401);
    expect((await exchange(gateway.port, bytes)).status).toBe(200);
    await gateway.stop();
  });

  test('cuts an answer that breaks off, and goes on', async () => {
    const path = join(dir.path, 'own.sock');
    const gateway = await start(path);
    upstream.answerBy((_, response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('half');
      setTimeout(() => response.destroy(), 50);
    });
    await expect(
      exchange(0, requestText('GET', '/kapacitor/v1/tasks', [`Authorization: ${BASIC}`]), { path }),
    ).rejects.toThrow(/the connection ended/);
    upstream.answerBy(answering(204));
    expect((await exchange(0, PING, { path })).status).toBe(204);
    expect(await gateway.stop()).toBe(0);
  });

  test.each<[string, (path: string) => Promise<() => void>, string]>([
    [
      'a socket on which somebody answers',
      async (path) => {
        const server = createServer();
        await new Promise<void>((resolve) => server.listen(path, resolve));
        return () => server.close();
      },
      'another process listens on it',
    ],
    [
      'a file',
      async (path) => {
        await writeFile(path, 'precious');
        return () => undefined;
      },
      'something that is no socket is there',
    ],
  ])('does not take the place of %s', async (_, occupy, why) => {
    const path = join(dir.path, 'taken.sock');
    const free = await occupy(path);
    const file = await config({ 'unix-socket': JSON.stringify(path) });
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', file]);
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(1);
    expect(log).toContain(why);
    expect(existsSync(path)).toBe(true);
    free();
  });
});

describe('sd_notify', () => {
  test('systemd is told of readiness, life and the stop', async () => {
    const said = join(dir.path, 'said');
    const program = join(dir.path, 'systemd-notify');
    await writeFile(program, `#!/bin/sh\necho "$NOTIFY_SOCKET$LISTEN_FDS $*" >>'${said}'\n`);
    await chmod(program, 0o755);
    const gateway = await serve({
      env: {
        PATH: `${dir.path}:${process.env['PATH'] ?? ''}`,
        NOTIFY_SOCKET: '/run/somewhere',
        WATCHDOG_USEC: '200000',
      },
    });
    const lines = (): readonly string[] =>
      existsSync(said) ? readFileSync(said, 'utf8').trimEnd().split('\n') : [];
    await eventually('it lives', () => lines().length > 3);
    expect(lines()[0]).toBe(`/run/somewhere READY=1 STATUS=listening on 127.0.0.1:${gateway.port}`);
    expect(lines()[1]).toBe('/run/somewhere WATCHDOG=1');
    expect(await gateway.stop()).toBe(0);
    await eventually('it is told', () => lines().includes('/run/somewhere STOPPING=1'));
  });

  test('where the program is missing the log says so once, and the gateway serves', async () => {
    const gateway = await serve({
      env: { PATH: dir.path, NOTIFY_SOCKET: '/run/somewhere', WATCHDOG_USEC: '100000' },
    });
    await sleep(500);
    expect((await exchange(gateway.port, PING)).status).toBe(401);
    expect((await logSoFar(gateway)).split('systemd cannot be told').length).toBe(2);
    expect(await gateway.stop()).toBe(0);
  });
});

describe('a stop', () => {
  test('answers what is under way, and ends streams last', async () => {
    const gateway = await serve({
      settings: { http: { 'shutdown-timeout': '"3s"' } },
    });
    await addUser(gateway.configFile, { name: 'root', password: 'password', admin: true });
    const root = `Authorization: Basic ${Buffer.from('root:password').toString('base64')}`;
    upstream.answerBy((recorded, response) => {
      if (!recorded.target.includes('logs')) {
        setTimeout(() => response.writeHead(204).end(), 1_000);
        return;
      }
      response.writeHead(200).write('a line\n');
      const timer = setInterval(() => response.write('a line\n'), 100);
      response.once('close', () => clearInterval(timer));
    });
    const [stream, busy, kept] = await Promise.all([
      openRawConnection(gateway.port),
      openRawConnection(gateway.port),
      openRawConnection(gateway.port),
    ]);
    stream.send(requestText('GET', '/kapacitor/v1preview/logs', [root]));
    busy.send(requestText('GET', '/kapacitor/v1/ping', [root]));
    await eventually('both are under way', () => upstream.requests.length === 2);
    const order: string[] = [];
    void stream.ended().then(() => order.push('stream'));
    const stopped = gateway.stop();
    await eventually('it stops', () => gateway.log.includes('msg=stopping'));
    kept.send(requestText('GET', '/kapacitor/v1/ping', [root]));
    for (const connection of [busy, kept]) {
      const response = await connection.receive();
      expect([response.status, response.header('Connection')]).toEqual([204, 'close']);
      order.push('answer');
    }
    expect(await stopped).toBe(0);
    await eventually('the stream ends', () => order.length === 3);
    expect(order).toEqual(['answer', 'answer', 'stream']);
    for (const connection of [stream, busy, kept]) connection.destroy();
  }, 180_000);
});
