import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { basic, call } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { addUser, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { makeToken } from '../support/jwt.ts';
import { logSoFar } from '../support/logged.ts';
import { openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

/** Letters that every encoding changes in another way, around what no other text holds. */
const mark = (): string => `ä%+/ ${randomBytes(12).toString('hex')}`;

const PASSWORD = mark();
const WRONG = mark();
const NEW = mark();
const SHARED_SECRET = `${mark()}-shared`;

const claims = { username: 'stan', exp: Math.floor(Date.now() / 1000) + 600 };
const TOKEN = makeToken({ header: { alg: 'HS512', typ: 'JWT' }, claims, secret: SHARED_SECRET });
const FORGED = makeToken({ header: { alg: 'HS512', typ: 'JWT' }, claims, secret: 'x'.repeat(20) });

const SECRETS = { PASSWORD, WRONG, NEW, SHARED_SECRET, TOKEN, FORGED };

/** Every way in which a text may be written down. */
function writingsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  // Base64 of it wherever it stands in a longer text: what of it does not depend on its neighbours.
  const base64 = [0, 1, 2].flatMap((before) => {
    const padded = Buffer.concat([Buffer.alloc(before), bytes]);
    const inner = padded.toString('base64').slice(before === 0 ? 0 : 4, -4);
    return [inner, inner.replaceAll('+', '-').replaceAll('/', '_')];
  });
  const percent = encodeURIComponent(secret);
  return [
    secret,
    ...base64,
    percent,
    percent.replaceAll('%20', '+'),
    percent.toLowerCase(),
    encodeURI(secret),
    bytes.toString('hex'),
    bytes.toString('latin1'),
    JSON.stringify(secret).slice(1, -1),
    // The middle, which most encodings leave as it is.
    /[0-9a-f]{24}/.exec(secret)?.[0] ?? secret,
  ];
}

function leaksIn(text: string): readonly string[] {
  return Object.entries(SECRETS).flatMap(([name, secret]) =>
    writingsOf(secret).some((writing) => text.includes(writing)) ? [name] : [],
  );
}

const TASKS = '/kapacitor/v1/tasks';
const USERS = '/kapacitor/v1/users';
const CLOSE = 'Connection: close';

/** Good, bad, malformed: what clients, mistyping people and attackers send. */
function requests(): readonly string[] {
  const good = `Authorization: ${basic(`stan:${PASSWORD}`)}`;
  const wrong = `Authorization: ${basic(`stan:${WRONG}`)}`;
  const admin = `Authorization: ${basic('root:root-password')}`;
  const password = encodeURIComponent(PASSWORD);
  const bad = encodeURIComponent(WRONG);
  const get = (target: string, ...headers: readonly string[]): string =>
    requestText('GET', target, [...headers, CLOSE]);
  const withBody = (method: string, path: string, header: string, body: unknown): string =>
    requestText(
      method,
      path,
      [header, CLOSE],
      typeof body === 'string' ? body : JSON.stringify(body),
    );
  return [
    get(TASKS, good),
    get('/kapacitor/v1/config', good),
    get(TASKS, wrong),
    get(TASKS, `Authorization: ${basic(`nobody:${PASSWORD}`)}`),
    get(TASKS, `Authorization: ${basic(`:${PASSWORD}`)}`),
    get(TASKS, `Authorization: ${basic(`~subscriber:${PASSWORD}`)}`),
    get(TASKS, `Authorization: Basic ${Buffer.from(PASSWORD).toString('base64')}`),
    get(TASKS, `Authorization: Basic stan:${password}`),
    get(TASKS, `Authorization:  Basic  ${Buffer.from(`stan:${PASSWORD}`).toString('base64')}`),
    get(TASKS, `Authorization: Token stan:${password}`),
    get(TASKS, `Authorization: Digest username="stan", response="${password}"`),
    get(TASKS, `Authorization: Bearer ${TOKEN}`),
    get(TASKS, `Authorization: Bearer ${FORGED}`),
    get(TASKS, `Authorization: Bearer ${TOKEN}x`),
    get(TASKS, `Authorization: Bearer ${password}`),
    get(TASKS, `Authorization: bearer ${TOKEN}`),
    get(TASKS, good, wrong),
    get(TASKS, good, `Proxy-Authorization: ${basic(`stan:${PASSWORD}`)}`),
    get(TASKS, good, `X-Forwarded-User: ${password}`),
    get(TASKS, good, `Proxy_Authorization: ${basic(`stan:${PASSWORD}`)}`),
    get(TASKS, good, 'Connection: X-Secret', `X-Secret: ${password}`),
    ...[
      'u=stan&p=',
      'u=stan&%70=',
      '%75=stan&p=',
      'limit=1&p=',
      'u=&p=',
      'P=',
      'password=',
    ].flatMap((query) => [get(`${TASKS}?${query}${password}`), get(`${TASKS}?${query}${bad}`)]),
    get(`${TASKS}?u=stan&p=${password}&limit=1`, good),
    get(`${TASKS}?u=stan&p=${password}`, `Authorization: Bearer ${TOKEN}`),
    get(`${TASKS}?u=stan&p=${password}&p=${bad}`),
    get(`${TASKS}?u=stan;p=${password}`),
    get(`${TASKS}?u=stan&p=${password}%zz`),
    get(`${TASKS}?u=stan&p=${password}#x`),
    get(`/kapacitor/v1//tasks?u=stan&p=${password}`),
    get(`/kapacitor/v1/x/../tasks?u=stan&p=${password}`),
    get(`http://stan:${password}@localhost${TASKS}`),
    get(TASKS, good, `Referer: http://localhost/?u=stan&p=${password}`),
    get(TASKS, wrong, `Referer: http://localhost/?u=stan&p=${password}`),
    get('/kapacitor/v1preview/logs?u=stan&p=' + password),
    requestText('POST', `/write?db=a&u=stan&p=${password}`, [CLOSE], 'cpu v=1\n'),
    requestText('POST', `/write?db=a&u=writer&p=${password}`, [CLOSE], 'cpu v=1\n'),
    requestText('OPTIONS', `${TASKS}?u=stan&p=${password}`, [good, CLOSE]),
    requestText('TRACE', `${TASKS}?u=stan&p=${password}`, [good, CLOSE]),
    requestText('CONNECT', `stan:${password}@localhost:80`, [good, CLOSE]),
    withBody('POST', USERS, admin, { name: 'new', password: NEW, type: 'normal' }),
    withBody('POST', USERS, admin, { name: 'new', password: NEW, type: 'normal' }),
    withBody('POST', USERS, admin, { name: 'a b', password: NEW, type: 'normal' }),
    withBody('POST', USERS, admin, { name: 'x', password: NEW, type: NEW }),
    withBody('POST', USERS, admin, { name: 'x', password: NEW + 'x'.repeat(80) }),
    withBody('POST', USERS, admin, { name: 'x', password: { nested: NEW } }),
    withBody('POST', USERS, admin, `{"name":"x","password":"${NEW}"`),
    withBody('POST', USERS, admin, `{"name":"x","password":"${NEW}","password":"${NEW}"}`),
    withBody('POST', USERS, wrong, { name: 'x', password: NEW, type: 'admin' }),
    withBody('POST', USERS, admin, { name: 'x', password: NEW, padding: 'x'.repeat(70_000) }),
    withBody('PATCH', `${USERS}/new`, admin, { password: NEW }),
    withBody('PATCH', `${USERS}/nobody`, admin, { password: NEW }),
    withBody('PATCH', `${USERS}/stan`, good, { password: NEW, type: 'admin' }),
    // Bytes that are no request, the secret among them.
    `GET ${TASKS}?p=${password} HTTP/9.9\r\n\r\n`,
    `GET ${TASKS}?p=${password}\r\n\r\n`,
    `GET ${TASKS}?p=${PASSWORD} HTTP/1.1\r\n\r\n`,
    `GET ${TASKS} HTTP/1.1\r\n${good}\r\nbroken\r\n\r\n`,
    `GET ${TASKS} HTTP/1.1\r\n${good}\r\n${good}x: y\r\n\r\n`,
    `GET ${TASKS} HTTP/1.1\r\n${good}\0\r\n\r\n`,
    `POST ${USERS} HTTP/1.1\r\n${good}\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n`,
    `POST /write?db=a HTTP/1.1\r\nHost: a\r\n${good}\r\nTransfer-Encoding: ${password}\r\n\r\n`,
    `POST /write?db=a HTTP/1.1\r\nHost: a\r\n${good}\r\nExpect: ${password}\r\nContent-Length: 1\r\n\r\nx`,
    `GET ${TASKS} HTTP/1.1\r\nHost: a\r\n${good}\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
    `${good}\r\n\r\n`,
  ];
}

/** Sends it and takes whatever comes, to the end. */
async function play(port: number, request: string): Promise<string> {
  const connection = await openRawConnection(port, { timeoutMs: 3_000 });
  connection.send(request);
  await connection.receive().catch(() => undefined);
  connection.end();
  await connection.ended().catch(() => undefined);
  const text = connection.pending.toString('utf8');
  connection.destroy();
  return text;
}

describe('leaksIn', () => {
  test('sees a secret in every way in which it may be written', () => {
    const written = [
      `x ${PASSWORD} y`,
      basic(`stan:${PASSWORD}`),
      basic(`s:${PASSWORD}`),
      basic(`st:${PASSWORD}`),
      encodeURIComponent(PASSWORD),
      Buffer.from(PASSWORD).toString('latin1'),
      JSON.stringify({ PASSWORD }),
      PASSWORD.slice(5),
    ];
    expect(written.map((text) => leaksIn(text))).toEqual(written.map(() => ['PASSWORD']));
    expect(leaksIn(`Bearer ${TOKEN}`)).toEqual(['TOKEN']);
    expect(leaksIn('nothing')).toEqual([]);
  });
});

describe.each(['logfmt', 'json'])('with a log of every line in %s', (format) => {
  let dir: TempDir;
  let upstream: RecordingUpstream;
  let gateway: GatewayProcess;
  let adminPort: number;

  beforeAll(async () => {
    dir = await createTempDir();
    upstream = await startRecordingUpstream(answering(200, {}, '{}'));
    adminPort = await findFreePort();
    gateway = await startGateway({
      dir: dir.path,
      upstream: upstream.url,
      settings: {
        http: { 'shared-secret': JSON.stringify(SHARED_SECRET), 'shutdown-timeout': '"1s"' },
        log: { level: '"debug"', format: JSON.stringify(format) },
        audit: { file: JSON.stringify(join(dir.path, 'audit.log')), reads: 'true' },
        admin: { 'bind-address': `"127.0.0.1:${adminPort}"` },
      },
    });
    await addUser(gateway.configFile, { name: 'root', password: 'root-password', admin: true });
    await addUser(gateway.configFile, { name: 'stan', password: PASSWORD, permissions: ['api'] });
    await addUser(gateway.configFile, {
      name: 'writer',
      password: PASSWORD,
      permissions: ['write_points'],
    });
  });

  afterAll(async () => {
    await gateway.stop();
    await upstream.stop();
    await dir.remove();
  });

  async function expectSilence(answers: readonly string[]): Promise<void> {
    for (const [index, answer] of answers.entries()) {
      expect({ index, leaks: leaksIn(answer) }).toEqual({ index, leaks: [] });
    }
    for (let connection = 1; connection <= upstream.connections; connection++) {
      const bytes = upstream.bytesOf(connection).toString('utf8');
      expect({ bytes: leaksIn(bytes).length === 0 ? '' : bytes }).toEqual({ bytes: '' });
    }
    const lines = (await logSoFar(gateway)).split('\n').filter((line) => leaksIn(line).length > 0);
    expect(lines).toEqual([]);
    // A read that is refused is audited: behind all that was answered before.
    const mark = `/behind/${answers.length}-answers`;
    expect((await call(gateway.port, 'GET', mark)).status).toBe(401);
    const audit = (): Promise<string> => readFile(join(dir.path, 'audit.log'), 'utf8');
    await eventually('all is audited', async () => (await audit()).includes(mark));
    const audited = (await audit()).split('\n');
    expect(audited.length).toBeGreaterThan(20);
    expect(audited.filter((line) => leaksIn(line).length > 0)).toEqual([]);
    for (const path of ['/metrics', '/readyz']) {
      const told = (await call(adminPort, 'GET', path)).text;
      expect({ path, leaks: leaksIn(told) }).toEqual({ path, leaks: [] });
      expect(told.length).toBeGreaterThan(100);
    }
    const shown = await runKapgate(['--config', gateway.configFile, 'config']);
    expect(leaksIn(shown.stdout + shown.stderr)).toEqual([]);
  }

  test('no secret is in an answer, upstream, in the log, the audit log or the metrics', async () => {
    const answers: string[] = [];
    for (const request of requests()) answers.push(await play(gateway.port, request));
    expect(upstream.requests.length).toBeGreaterThan(10);
    expect((await logSoFar(gateway)).split('\n').length).toBeGreaterThan(answers.length / 2);
    // What is to be believed for the others: these were let in.
    for (const path of [TASKS, `${TASKS}?u=stan&p=${encodeURIComponent(PASSWORD)}`]) {
      const headers: Record<string, string> =
        path === TASKS ? { Authorization: `Bearer ${TOKEN}` } : {};
      expect((await call(gateway.port, 'GET', path, { headers })).status).toBe(200);
    }
    await expectSilence(answers);
  });

  test('nor where Kapacitor breaks off, or is gone', async () => {
    upstream.answerBy((_, response) => {
      response.writeHead(200, { 'Content-Length': '10' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    });
    const some = requests().slice(0, 25);
    const answers: string[] = [];
    for (const request of some) answers.push(await play(gateway.port, request));
    upstream.answerBy((_, response) => {
      response.destroy();
    });
    for (const request of some) answers.push(await play(gateway.port, request));
    await upstream.stop();
    for (const request of requests()) answers.push(await play(gateway.port, request));
    const last = await call(gateway.port, 'GET', TASKS, { user: `stan:${PASSWORD}` });
    expect(last.status).toBe(502);
    await expectSilence(answers);
  });
});
