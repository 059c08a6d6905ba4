import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import {
  addUser,
  isTaken,
  runKapgate,
  startGateway,
  writeConfig,
} from '../support/gateway-process.ts';
import type { GatewayOptions, GatewayProcess } from '../support/gateway-process.ts';
import { untilLogged } from '../support/logged.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { childrenOf, connectionsOf, isRunning } from '../support/workers.ts';

const WORKERS = 2;
const LONG_MS = 60_000;
const TASKS = '/kapacitor/v1/tasks';

let dir: TempDir;
let upstream: RecordingUpstream;
let gateway: GatewayProcess;
let connections: RawConnection[] = [];

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(200, { 'X-Kapacitor-Version': '1.5.9' }));
});
afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(async () => {
  for (const each of connections) each.destroy();
  connections = [];
  await gateway.stop();
  await dir.remove();
});

async function start(settings: GatewayOptions['settings'] = {}): Promise<readonly number[]> {
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: {
      ...settings,
      http: { workers: String(WORKERS), 'shutdown-timeout': '"500ms"', ...settings['http'] },
    },
  });
  await addUser(gateway.configFile, { name: 'ann', password: 'pw', permissions: ['all'] });
  await eventually('all are there', () => childrenOf(gateway.pid).length === WORKERS);
  return childrenOf(gateway.pid);
}

const as = (user: string): string => `Authorization: Basic ${Buffer.from(user).toString('base64')}`;

/** Opens connections one after the other: each worker has as many of them. */
async function connectAll(count = 2 * WORKERS): Promise<readonly RawConnection[]> {
  for (let each = 0; each < count; each++) {
    connections.push(await openRawConnection(gateway.port, { timeoutMs: LONG_MS }));
  }
  return connections;
}

async function statusOn(connection: RawConnection | undefined, user = 'ann:pw'): Promise<number> {
  if (connection === undefined) throw new Error('there is no such connection');
  connection.send(requestText('GET', TASKS, [as(user)]));
  return (await connection.receive()).status;
}

async function statuses(user?: string): Promise<readonly number[]> {
  const all: number[] = [];
  for (const each of connections) all.push(await statusOn(each, user));
  return all;
}

const all = <T>(value: T): readonly T[] => connections.map(() => value);

/** It may have ended by itself meanwhile. */
function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    expect(error).toMatchObject({ code: 'ESRCH' });
  }
}

async function reload(said = 'msg=reloaded'): Promise<void> {
  const before = gateway.log.length;
  process.kill(gateway.pid, 'SIGHUP');
  await eventually(said, () => gateway.log.slice(before).includes(said), LONG_MS);
}

describe('[http] workers', () => {
  test('1 is one process, as if there were no such key', async () => {
    gateway = await startGateway({ dir: dir.path, upstream: upstream.url });
    expect(childrenOf(gateway.pid)).toEqual([]);
  });

  test('clients are shared out evenly, and the first process has none', async () => {
    const workers = await start();
    await connectAll(6);
    expect(await statuses()).toEqual(all(200));
    expect(workers.map((pid) => connectionsOf(pid, gateway.port))).toEqual([3, 3]);
    expect(connectionsOf(gateway.pid, gateway.port)).toBe(0);
  });

  test('a user who is deleted, or has another password, is refused by all at once', async () => {
    await start();
    await connectAll();
    expect(await statuses()).toEqual(all(200));
    const config = ['--config', gateway.configFile];
    await runKapgate([...config, 'users', 'passwd', 'ann', '--password-stdin'], { input: 'new\n' });
    expect(await statuses()).toEqual(all(401));
    expect(await statuses('ann:new')).toEqual(all(200));
    await runKapgate([...config, 'users', 'delete', 'ann']);
    expect(await statuses('ann:new')).toEqual(all(401));
  });

  test('failed logins are counted in all together', async () => {
    await start({ limits: { 'login-failures': '"3 per 1h"' } });
    await connectAll(8);
    const found: number[] = [];
    for (const [index, each] of connections.entries()) {
      found.push(await statusOn(each, `ann:wrong-${index}`));
    }
    expect(found).toEqual([401, 401, 401, 429, 429, 429, 429, 429]);
  });

  test('guesses that come at once are no more than may fail', async () => {
    await start({ limits: { 'login-failures': '"5 per 1h"' } });
    await connectAll(20);
    const found = await Promise.all(
      connections.map((each, index) => statusOn(each, `ann:wrong-${index}`)),
    );
    expect(found.filter((status) => status === 401)).toHaveLength(5);
    expect(found.filter((status) => status === 429)).toHaveLength(15);
  });

  test('who logged in by one worker is not stopped at another by who guesses from the same address', async () => {
    await start({ limits: { 'login-failures': '"1 per 1h"' } });
    await connectAll();
    expect(await statusOn(connections[0], 'ann:pw')).toBe(200);
    // Ten names fail once each: then the address is used up.
    for (let each = 0; each < 10; each++) {
      expect(await statusOn(connections[each % 4], `nobody-${each}:x`)).toBe(401);
    }
    expect(await statuses('someone:x')).toEqual(all(429));
    expect(await statuses('ann:pw')).toEqual(all(200));
  });

  test('requests are counted in all together, and no count goes back where a worker ends', async () => {
    const port = await findFreePort();
    const workers = await start({ admin: { 'bind-address': `"127.0.0.1:${port}"` } });
    const counted = async (): Promise<number> => {
      const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
      const name = 'kapgate_requests_total{verdict="allowed",status="2xx",privilege="read"';
      return Number(
        text
          .split('\n')
          .find((line) => line.startsWith(name))
          ?.split(' ')[1] ?? 0,
      );
    };
    await connectAll();
    expect(await statuses()).toEqual(all(200));
    expect(await statuses()).toEqual(all(200));
    await eventually('all are counted', async () => (await counted()) === 8);
    process.kill(workers[0] ?? 0, 'SIGKILL');
    await eventually('it is seen', () => gateway.log.includes('a worker ended'), LONG_MS);
    expect(await counted()).toBe(8);
    await eventually('both serve', () => isReady(port), LONG_MS);
    expect(await counted()).toBe(8);
    expect((await exchange(gateway.port, requestText('GET', TASKS, [as('ann:pw')]))).status).toBe(
      200,
    );
    await eventually('it is counted too', async () => (await counted()) === 9);
  });

  test('/readyz tells of a worker that is not there, and /healthz answers all the same', async () => {
    const port = await findFreePort();
    const [first = 0] = await start({ admin: { 'bind-address': `"127.0.0.1:${port}"` } });
    await addUser(gateway.configFile, { name: 'root', password: 'pw', admin: true });
    expect(await isReady(port)).toBe(true);
    process.kill(first, 'SIGKILL');
    await eventually(
      'it is told',
      async () => {
        const said = await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
        return said.includes('1 of 2 take clients');
      },
      LONG_MS,
    );
    expect((await fetch(`http://127.0.0.1:${port}/healthz`)).status).toBe(200);
    await eventually('both serve', () => isReady(port), LONG_MS);
  });

  async function isReady(port: number): Promise<boolean> {
    const said = await (await fetch(`http://127.0.0.1:${port}/readyz`)).text();
    return /"workers": \{\s*"state": "ok"/.test(said);
  }
});

describe('a worker that ends', () => {
  test('is replaced; the others go on, and new clients wait for nobody', async () => {
    const workers = await start();
    await connectAll();
    expect(await statuses()).toEqual(all(200));
    process.kill(workers[0] ?? 0, 'SIGKILL');
    const left: number[] = [];
    for (const each of connections) left.push(await statusOn(each).catch(() => 0));
    expect(left.toSorted()).toEqual([0, 0, 200, 200]);
    expect((await exchange(gateway.port, requestText('GET', TASKS, [as('ann:pw')]))).status).toBe(
      200,
    );
    await eventually('there are two again', () => childrenOf(gateway.pid).length === 2, LONG_MS);
    await untilLogged(gateway, /lvl=error msg="a worker ended: .*worker=1 pid=\d+ how=SIGKILL/);
  });

  test('loses no client that comes while there is no worker at all', async () => {
    for (const pid of await start()) process.kill(pid, 'SIGKILL');
    const ends = (): number => gateway.log.match(/a worker ended/g)?.length ?? 0;
    await eventually('both are missed', () => ends() === WORKERS, LONG_MS);
    const answer = await exchange(gateway.port, requestText('GET', TASKS, [as('ann:pw')]), {
      timeoutMs: LONG_MS,
    });
    expect(answer.status).toBe(200);
  });

  test('again and again ends the service, with a sentence', async () => {
    await start();
    let isOver = false;
    void gateway.exited.then(() => (isOver = true));
    await eventually(
      'it gives up',
      () => {
        childrenOf(gateway.pid).filter(isRunning).forEach(kill);
        return isOver;
      },
      180_000,
    );
    expect(await gateway.exited).toBe(1);
    expect(gateway.log).toContain('cannot go on: workers ended 9 times within a minute');
  }, 180_000);

  test('as soon as it begins stops the start, with what it says', async () => {
    const port = await findFreePort();
    const file = await writeConfig({
      dir: dir.path,
      upstream: upstream.url,
      port,
      settings: {
        http: { workers: '3' },
        store: { path: JSON.stringify(join(process.execPath, 'x')) },
      },
    });
    const { code, stderr } = await runKapgate(['serve', '--config', file], { timeoutMs: LONG_MS });
    expect(code).toBe(1);
    expect(stderr.match(/cannot go on: cannot open the user store/g)).toHaveLength(1);
    expect(await isTaken(port)).toBe(false);
    gateway = await startGateway({ dir: dir.path, upstream: upstream.url });
  });
});

describe('signals', () => {
  test('SIGTERM lets requests end, in all, and ends with 0', async () => {
    const slow = await startRecordingUpstream((_request, response) => {
      setTimeout(() => response.writeHead(200, { 'X-Kapacitor-Version': '1' }).end('late'), 400);
    });
    gateway = await startGateway({
      dir: dir.path,
      upstream: slow.url,
      settings: { http: { workers: '2', 'shutdown-timeout': '"5s"' } },
    });
    await addUser(gateway.configFile, { name: 'ann', password: 'pw', permissions: ['all'] });
    await connectAll();
    for (const each of connections) each.send(requestText('GET', TASKS, [as('ann:pw')]));
    await eventually('all have come', () => slow.requests.length === connections.length, LONG_MS);
    const workers = childrenOf(gateway.pid);
    const stopped = gateway.stop();
    for (const each of connections) {
      const answer = await each.receive();
      expect([answer.status, answer.body.toString()]).toEqual([200, 'late']);
      expect(answer.header('Connection')).toBe('close');
    }
    expect(await stopped).toBe(0);
    expect(workers.filter(isRunning)).toEqual([]);
    await slow.stop();
  });

  test('to all processes at once, as systemd and terminals send them, are as one to the first', async () => {
    const workers = await start();
    for (const pid of workers)
      for (const signal of ['SIGTERM', 'SIGHUP']) process.kill(pid, signal);
    await connectAll();
    expect(await statuses()).toEqual(all(200));
    expect(childrenOf(gateway.pid)).toEqual(workers);
    expect(await gateway.stop()).toBe(0);
  });

  test('SIGKILL to the first ends the workers too', async () => {
    const workers = await start();
    await gateway.kill();
    await eventually('they end', () => workers.filter(isRunning).length === 0, LONG_MS);
  });

  test('SIGHUP takes the configuration up in all workers', async () => {
    await start();
    const other = await startRecordingUpstream(answering(204));
    await connectAll();
    expect(await statuses()).toEqual(all(200));
    const http = { workers: '2', 'shutdown-timeout': '"500ms"' };
    await writeConfig({
      dir: dir.path,
      upstream: other.url,
      port: gateway.port,
      settings: { http },
    });
    await reload();
    expect(await statuses()).toEqual(all(204));
    await other.stop();
  });

  test('SIGHUP with what cannot be keeps the old in all workers, and one sentence says why', async () => {
    await start();
    await connectAll();
    const missing = join(dir.path, 'missing.pem');
    await writeConfig({
      dir: dir.path,
      upstream: 'https://127.0.0.1:1',
      port: gateway.port,
      settings: { http: { workers: '2' }, upstream: { ca: JSON.stringify(missing) } },
    });
    await reload('not reloaded');
    expect(gateway.log.match(/not reloaded.*cannot read \[upstream\] ca/g)).toHaveLength(1);
    expect(await statuses()).toEqual(all(200));
  });

  test('SIGHUP says that another number of workers needs a restart', async () => {
    await start();
    const http = { workers: '3' };
    await writeConfig({
      dir: dir.path,
      upstream: upstream.url,
      port: gateway.port,
      settings: { http },
    });
    await reload();
    await untilLogged(
      gateway,
      'only a restart takes it up: [http] shutdown-timeout, [http] workers',
    );
    expect(childrenOf(gateway.pid)).toHaveLength(2);
  });

  test('SIGHUP passes over a worker that stands still: another takes its place', async () => {
    const [stuck = 0] = await start();
    process.kill(stuck, 'SIGSTOP');
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('it is reloaded', () => gateway.log.includes('msg=reloaded'), 60_000);
    await eventually('it is killed', () => !isRunning(stuck), LONG_MS);
    await eventually('there are two', () => childrenOf(gateway.pid).length === 2, LONG_MS);
  }, 180_000);
});

describe('the logs of all workers', () => {
  const wide = (length: number): string => `User-Agent: ${'w'.repeat(length)}`;

  /** Every worker writes lines of all lengths at the same time. */
  async function writeLines(rounds: number): Promise<number> {
    await connectAll(8);
    await Promise.all(
      connections.map(async (connection, index) => {
        for (let round = 0; round < rounds; round++) {
          const headers = [as('ann:pw'), wide((index * 1999 + round * 977) % 12_000)];
          connection.send(requestText('POST', '/kapacitor/v1/tasks', headers));
          expect((await connection.receive()).status).toBe(200);
        }
      }),
    );
    return connections.length * rounds;
  }

  test('on standard error are whole lines', async () => {
    await start();
    const count = await writeLines(25);
    const lines = (): readonly string[] =>
      gateway.log.split('\n').filter((line) => line.includes('msg="http request"'));
    await eventually('all are there', () => lines().length === count, LONG_MS);
    const whole =
      /^ts=\S+ lvl=info msg="http request" host=127\.0\.0\.1 .* user-agent=w* auth=basic$/;
    expect(
      lines().filter((line) => !whole.test(line.replace('user-agent=""', 'user-agent='))),
    ).toEqual([]);
    expect(gateway.log.split('\n').filter((line) => !/^(?:ts=|$)/.test(line))).toEqual([]);
  }, 180_000);

  test('and of the audit, in files, are whole lines, and go on in new ones after SIGHUP', async () => {
    const log = join(dir.path, 'kapgate.log');
    const audit = join(dir.path, 'audit.log');
    await start({
      log: { file: JSON.stringify(log), format: '"json"' },
      audit: { file: JSON.stringify(audit) },
    });
    const linesIn = (path: string): readonly string[] => {
      const text = existsSync(path) ? readFileSync(path, 'utf8') : '';
      const lines = text.split('\n').slice(0, -1);
      return lines.filter((line) => (JSON.parse(line) as { method?: string }).method === 'POST');
    };
    const count = await writeLines(25);
    await eventually('all are audited', () => linesIn(audit).length === count, LONG_MS);
    await eventually('all are logged', () => linesIn(log).length === count, LONG_MS);
    for (const path of [log, audit]) renameSync(path, `${path}.1`);
    process.kill(gateway.pid, 'SIGHUP');
    await eventually('new files', () => existsSync(log) && existsSync(audit), LONG_MS);
    await eventually(
      'it is reloaded',
      () => readFileSync(log, 'utf8').includes('reloaded'),
      LONG_MS,
    );
    for (const each of connections) {
      each.send(requestText('POST', TASKS, [as('ann:pw')]));
      await each.receive();
    }
    await eventually('in the new log', () => linesIn(log).length === 8, LONG_MS);
    await eventually('in the new audit', () => linesIn(audit).length === 8, LONG_MS);
    expect(linesIn(`${audit}.1`)).toHaveLength(count);
  }, 180_000);
});

describe('doors before workers', () => {
  test('a Unix socket', async () => {
    const path = join(dir.path, 'own.sock');
    await start({ http: { 'unix-socket': JSON.stringify(path) } });
    for (let round = 0; round < 4; round++) {
      const answer = await exchange(0, requestText('GET', TASKS, [as('ann:pw')]), { path });
      expect(answer.status).toBe(200);
    }
    expect(upstream.requests.at(-1)?.headers).toContainEqual(['X-Forwarded-For', 'unix']);
    expect(await gateway.stop()).toBe(0);
    expect(existsSync(path)).toBe(false);
  });

  const testWithOpenssl = findOpenssl('TLS before workers') ? test : test.skip;

  testWithOpenssl('TLS, and half-closed clients', async () => {
    const authority = createAuthority(dir.path);
    const { certFile, keyFile } = authority.issue('gateway');
    await start({
      http: {
        'https-enabled': 'true',
        'https-certificate': JSON.stringify(certFile),
        'https-private-key': JSON.stringify(keyFile),
      },
    });
    for (let round = 0; round < 4; round++) {
      const connection = await openRawConnection(gateway.port, { tls: { ca: authority.ca } });
      connection.send(requestText('GET', TASKS, [as('ann:pw')]));
      connection.end();
      expect((await connection.receive()).status).toBe(200);
      connection.destroy();
    }
  });

  test('the first admin is made once, whichever worker is asked', async () => {
    gateway = await startGateway({
      dir: dir.path,
      upstream: upstream.url,
      settings: { http: { workers: '2', 'shutdown-timeout': '"200ms"' } },
    });
    await connectAll();
    const found = await Promise.all(
      connections.map(async (each, index) => {
        const body = `{"name":"root${index}","password":"a password","type":"admin"}`;
        const bytes = requestText('POST', '/kapacitor/v1/users', [], body);
        each.send(bytes.replace('Host: kapgate', 'Host: localhost'));
        return (await each.receive()).status;
      }),
    );
    expect(found.filter((status) => status === 200)).toHaveLength(1);
  });

  test('kapgate worker is not for operators', async () => {
    gateway = await startGateway({ dir: dir.path, upstream: upstream.url });
    const { code, stderr } = await runKapgate(['worker']);
    expect([code, stderr]).toEqual([
      1,
      'kapgate: a worker is started by kapgate serve, where [http] workers says so\n',
    ]);
  });
});
