import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import {
  MAIN,
  addUser,
  startByArguments,
  startGateway,
  writeConfig,
} from '../support/gateway-process.ts';
import type { GatewayOptions, GatewayProcess } from '../support/gateway-process.ts';
import { untilLogged } from '../support/logged.ts';
import { openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const PING = '/kapacitor/v1/ping';
const BASIC = `Basic ${Buffer.from('root:secret-of-root').toString('base64')}`;

let dir: TempDir;
let [one, two]: (RecordingUpstream | undefined)[] = [];
let gateway: GatewayProcess | undefined;

beforeAll(async () => {
  one = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': 'one' }));
  two = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': 'two' }));
});

afterAll(async () => {
  await one?.stop();
  await two?.stop();
});

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(async () => {
  await gateway?.stop();
  await dir.remove();
});

const HTTP = { 'shutdown-timeout': '"200ms"' };

async function start(settings: GatewayOptions['settings'] = {}): Promise<GatewayProcess> {
  gateway = await startGateway({
    dir: dir.path,
    upstream: one?.url ?? '',
    settings: { http: HTTP, ...settings },
  });
  await addUser(gateway.configFile, { name: 'root', password: 'secret-of-root', admin: true });
  return gateway;
}

async function reload({ pid, log }: GatewayProcess, said = 'reloaded'): Promise<void> {
  const before = log.length;
  process.kill(pid, 'SIGHUP');
  await eventually(said, () => (gateway?.log ?? '').slice(before).includes(said));
}

function rewrite({ port }: GatewayProcess, upstream: string, settings = {}): Promise<string> {
  return writeConfig({ dir: dir.path, upstream, port, settings: { http: HTTP, ...settings } });
}

const versionAt = async (port: number): Promise<string | null> => {
  const url = `http://127.0.0.1:${port}${PING}`;
  return (await fetch(url, { headers: { Authorization: BASIC } })).headers.get(
    'x-kapacitor-version',
  );
};

describe('SIGHUP', () => {
  test('takes up what the file says now, on the connections that are open', async () => {
    const { port } = await start();
    const connection = await openRawConnection(port);
    const ping = requestText('GET', PING, [`Authorization: ${BASIC}`]);
    connection.send(ping);
    expect((await connection.receive()).header('X-Kapacitor-Version')).toBe('one');
    if (gateway === undefined) throw new Error('no gateway');
    await rewrite(gateway, two?.url ?? '');
    await reload(gateway);
    connection.send(ping);
    expect((await connection.receive()).header('X-Kapacitor-Version')).toBe('two');
    expect(await versionAt(port)).toBe('two');
    connection.destroy();
  });

  test('a wrong file keeps the old configuration, and the log says what is wrong', async () => {
    const running = await start();
    await writeFile(running.configFile, '[upstream]\nurl = "nowhere"\n');
    await reload(running, 'not reloaded');
    await untilLogged(running, /not reloaded, the old configuration goes on: \[upstream\] url/);
    expect(await versionAt(running.port)).toBe('one');
  });

  test('a file that was found is not given up for the defaults, nor for another one', async () => {
    const port = await findFreePort();
    const file = await writeConfig({
      dir: dir.path,
      upstream: one?.url ?? '',
      port,
      settings: { http: HTTP },
    });
    await addUser(file, { name: 'root', password: 'secret-of-root', admin: true });
    gateway = await startByArguments(['serve'], port, { cwd: dir.path, configFile: file });
    renameSync(file, `${file}.new`);
    await reload(gateway, 'not reloaded');
    await untilLogged(gateway, /not reloaded.*came from .*gateway\.toml.*now no file is there/);
    expect(await versionAt(port)).toBe('one');
    renameSync(`${file}.new`, file);
    await reload(gateway);
    expect(await versionAt(port)).toBe('one');
  });

  test('one that comes before the gateway listens does not end it, and is answered then', async () => {
    const port = await findFreePort();
    const file = await writeConfig({ dir: dir.path, upstream: one?.url ?? '', port });
    const child = spawn(process.execPath, [MAIN, 'serve', '--config', file]);
    let log = '';
    const ended = new Promise((resolve) => child.once('close', (...how) => resolve(how)));
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (log === '') child.kill('SIGHUP');
      log += text;
    });
    await Promise.race([ended, eventually('reloaded', () => log.includes('msg=reloaded'))]);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
    expect(log).toContain('msg=reloaded');
  });

  test('a request under way ends as it began', async () => {
    const running = await start();
    const connection = await openRawConnection(running.port);
    connection.send(
      `POST /write?db=x HTTP/1.1\r\nHost: a\r\nAuthorization: ${BASIC}\r\nContent-Length: 4\r\n\r\nab`,
    );
    await eventually('it has begun', () => (one?.requests.length ?? 0) > 0);
    await rewrite(running, two?.url ?? '');
    await reload(running);
    connection.send('cd');
    expect((await connection.receive()).header('X-Kapacitor-Version')).toBe('one');
    connection.destroy();
  });

  test('says which changes wait for a restart', async () => {
    const running = await start();
    await rewrite(running, one?.url ?? '', { limits: { 'idle-timeout': '"5m"' } });
    await reload(running);
    await untilLogged(running, /only a restart takes it up: \[limits\] idle-timeout/);
  });

  test('opens the log file anew: what logrotate moved away gets no more lines', async () => {
    const file = join(dir.path, 'kapgate.log');
    const running = await start({ log: { file: JSON.stringify(file) } });
    renameSync(file, `${file}.1`);
    process.kill(running.pid, 'SIGHUP');
    const text = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
    await eventually('a new file', () => text().includes('msg=reloaded'));
    expect((await call(running.port, 'GET', PING)).status).toBe(401);
    await eventually('the line is there', () => text().includes('status=401'));
    expect(readFileSync(`${file}.1`, 'utf8')).not.toContain('status=401');
  });

  test('opens the audit log anew too, and ends a rehearsal', async () => {
    const file = join(dir.path, 'audit.log');
    const audit = { audit: { file: JSON.stringify(file) } };
    const running = await start({ ...audit, auth: { observe: 'true', 'bcrypt-cost': '4' } });
    await untilLogged(running, 'lvl=warn msg="THE GATE IS OPEN FOR A REHEARSAL');
    expect((await call(running.port, 'DELETE', PING)).status).toBe(204);
    const linesIn = (name: string): string => (existsSync(name) ? readFileSync(name, 'utf8') : '');
    await eventually('it is audited', () => linesIn(file).includes('"would_be":401,"status":204'));
    renameSync(file, `${file}.1`);
    await rewrite(running, one?.url ?? '', audit);
    await reload(running);
    await eventually('a new file', () => existsSync(file));
    expect((await call(running.port, 'DELETE', PING)).status).toBe(401);
    await eventually('the line is there', () => linesIn(file).includes('"status":401'));
    expect(linesIn(`${file}.1`)).not.toContain('"status":401');
  });
});
