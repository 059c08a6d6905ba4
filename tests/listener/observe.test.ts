import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openDatabase } from '../../src/users/database.ts';
import { basic, call } from '../support/api.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TASKS = '/kapacitor/v1/tasks';
const USERS_API = '/kapacitor/v1/users';

let upstream: RecordingUpstream;
let dir: TempDir;
let gateway: OpenGateway;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  upstream.clear();
  upstream.answerBy(answering(204));
  dir = await createTempDir();
  gateway = await openGateway({
    upstream: upstream.url,
    env: {
      KAPGATE_AUTH_OBSERVE: 'true',
      KAPGATE_LIMITS_LOGIN_FAILURES: '10 per 1m',
      KAPGATE_AUTH_CACHE_EXPIRATION: '0s',
      KAPGATE_AUDIT_FILE: join(dir.path, 'audit.log'),
    },
  });
});

afterEach(async () => {
  await gateway.stop();
  await dir.remove();
});

function ask(method: string, target: string, ...headers: readonly string[]): Promise<RawResponse> {
  return exchange(gateway.port, requestText(method, target, headers));
}

async function audited(): Promise<readonly Readonly<Record<string, unknown>>[]> {
  await gateway.stop();
  const text = await readFile(join(dir.path, 'audit.log'), 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

const WRONG = `Authorization: Basic ${Buffer.from('ben:wrong').toString('base64')}`;

describe('a rehearsal', () => {
  test.each([
    ['nobody', 'GET', TASKS, undefined, '', 'would be 401'],
    ['nobody', 'POST', '/write?db=a', undefined, '', 'would be 401'],
    ['nobody', 'GET', '/kapacitor/v1/storage/backup', undefined, '', 'would be 401'],
    ['a wrong password', 'GET', TASKS, WRONG, '', 'would be 401'],
    ['an unreadable one', 'GET', TASKS, 'Authorization: Basic !', '', 'would be 401'],
    ['a token', 'GET', TASKS, 'Authorization: Bearer a.b.c', '', 'would be 401'],
    ['a user without the right', 'DELETE', TASKS, as('reader'), 'reader', 'would be 403'],
    ['one without that database', 'POST', '/write?db=a', as('ben'), 'ben', 'would be 403'],
    [
      'one who is no admin',
      'GET',
      '/kapacitor/v1/storage/backup',
      as('ann'),
      'ann',
      'would be 403',
    ],
    ['one who may', 'GET', TASKS, as('reader'), 'reader', undefined],
  ])('lets %s pass with %s %s, and notes it', async (_, method, target, header, user, verdict) => {
    const answer = await ask(
      method,
      target,
      ...(header === undefined ? [] : [header]),
      'X-Forwarded-User: root',
    );
    expect(answer.status).toBe(204);
    expect(answer.header('www-authenticate')).toBeUndefined();
    const [arrived] = upstream.requests;
    const headers = new Map(arrived?.headers.map(([name, value]) => [name.toLowerCase(), value]));
    expect(headers.get('x-forwarded-user') ?? '').toBe(user);
    expect(headers.has('authorization')).toBe(false);
    const [access] = await gateway.accessed(1);
    expect(access?.['status']).toBe(204);
    if (verdict === undefined) expect(access?.['verdict']).toBeUndefined();
    else expect(access?.['verdict']).toMatch(new RegExp(`^observe: ${verdict} \\w`));
  });

  test('keeps the users API closed, judged as ever', async () => {
    const body = { name: 'new', password: 'a password', type: 'admin' };
    expect((await ask('GET', USERS_API)).status).toBe(401);
    expect((await ask('GET', '/kapacitor/v1preview/users', as('ann'))).status).toBe(403);
    expect((await call(gateway.port, 'POST', USERS_API, { body })).status).toBe(401);
    expect((await call(gateway.port, 'POST', USERS_API, { body, user: 'ben:pw-ben' })).status).toBe(
      403,
    );
    expect((await call(gateway.port, 'GET', USERS_API, { user: 'admin:pw-admin' })).status).toBe(
      200,
    );
    expect(upstream.requests).toEqual([]);
  });

  test('refuses what cannot be read, and answers OPTIONS and unclean paths, as ever', async () => {
    expect((await ask('GET', `${TASKS}?db=a&db=b`)).status).toBe(400);
    expect((await ask('GET', USERS_API.replace('users', 'u%73ers'))).status).toBe(401);
    expect((await ask('GET', '/kapacitor/v1/x%2f..%2fusers')).status).toBe(400);
    expect((await ask('GET', '/kapacitor/v1//tasks')).status).toBe(301);
    expect((await ask('OPTIONS', TASKS)).status).toBe(200);
    expect((await ask('TRACE', TASKS)).status).toBe(404);
    expect(upstream.requests).toEqual([]);
  });

  test('forwards what nobody could judge, and says that', async () => {
    await breakStore(gateway.storePath);
    for (const target of [TASKS, '/write?db=a']) {
      const method = target === TASKS ? 'GET' : 'POST';
      expect((await ask(method, target, as('ann'))).status).toBe(204);
    }
    expect((await gateway.accessed(2)).map((access) => access['verdict'])).toEqual([
      expect.stringMatching(/^observe: would be 503 nobody can say/),
      expect.stringMatching(/^observe: would be 503 nobody can say/),
    ]);
    expect(gateway.lines.some(({ fields }) => fields['code'] === 'directory-unavailable')).toBe(
      true,
    );
    expect((await ask('GET', USERS_API, as('admin'))).status).toBe(503);
    const lines = await audited();
    expect(lines.map((line) => [line['verdict'], line['would_be'], line['claimed']])).toEqual([
      ['unknown', undefined, 'admin'],
      ['unknown', 503, 'ann'],
      ['unknown', 503, 'ann'],
    ]);
  });

  test('forwards what would be throttled, and no line of it has anybody banned', async () => {
    const guess = (tried: number): string => `Authorization: ${basic(`ben:guess-${tried}`)}`;
    for (let tried = 0; tried < 12; tried++) {
      expect((await ask('GET', TASKS, guess(tried))).status).toBe(204);
    }
    expect((await ask('POST', '/write?db=a', guess(12))).status).toBe(204);
    const accesses = await gateway.accessed(13);
    const verdicts = accesses.map((access) => String(access['verdict']).slice(0, 21));
    expect(verdicts.slice(-3)).toEqual([
      'observe: would be 429',
      'observe: would be 429',
      'observe: would be 503',
    ]);
    expect(gateway.lines.map(({ message }) => message)).not.toContain('login failed');
    const lines = await audited();
    expect(new Set(lines.map((line) => line['verdict']))).toEqual(
      new Set(['unauthorized', 'throttled']),
    );
  });

  test('lets a wrong secret of a subscription write, and shows it to nobody', async () => {
    const secret = 'c'.repeat(43);
    expect((await ask('POST', `/sub/${secret}/write?db=a`)).status).toBe(204);
    expect((await ask('GET', `/sub/${secret}/ping`, as('ann'))).status).toBe(204);
    expect((await ask('POST', `/sub/${secret}/other`)).status).toBe(404);
    expect((await ask('POST', `/sub//${secret}/write`)).status).toBe(400);
    expect(upstream.requests.map(({ method, target }) => [method, target])).toEqual([
      ['POST', '/write?db=a'],
      ['GET', '/kapacitor/v1/ping'],
    ]);
    const text = JSON.stringify([await audited(), gateway.lines, upstream.bytesOf(1).toString()]);
    expect(text).toContain('/sub/[redacted]/write');
    expect(text).not.toContain(secret);
  });

  test('gives Kapacitor the body of whom it would have refused, whole and after 100 Continue', async () => {
    const connection = await openRawConnection(gateway.port);
    const body = 'cpu v=1\n'.repeat(1000);
    connection.send(
      `POST /write?db=a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
    );
    expect((await connection.receive()).status).toBe(100);
    connection.send(body);
    expect((await connection.receive()).status).toBe(204);
    connection.destroy();
    expect(upstream.requests[0]?.body.toString()).toBe(body);
  });

  test('a failure of Kapacitor is told beside the verdict', async () => {
    upstream.answerBy((_, response) => {
      response.destroy();
    });
    expect((await ask('POST', TASKS)).status).toBe(502);
    expect((await gateway.accessed(1))[0]).toMatchObject({
      verdict: expect.stringMatching(/would be 401/) as unknown,
      reason: expect.stringMatching(/Kapacitor/) as unknown,
    });
  });

  test('lets any number of readers of the log stream in', async () => {
    upstream.answerBy((_, response) => {
      response.writeHead(200);
      response.write('ts=1\n');
    });
    const connections = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const connection = await openRawConnection(gateway.port);
        connection.send(requestText('GET', '/kapacitor/v1preview/logs', [as('reader')]));
        return connection;
      }),
    );
    for (const { socket } of connections) {
      if (socket.readableLength === 0) await new Promise((resolve) => socket.once('data', resolve));
    }
    for (const connection of connections) {
      expect(connection.pending.toString()).toMatch(/^HTTP\/1\.1 200 /);
      connection.destroy();
    }
  });

  test('audits every request: what changes something in a line each, repeats of the rest in one', async () => {
    for (let sent = 0; sent < 3; sent++) {
      await ask('GET', TASKS, 'User-Agent: grafana/9');
      await ask('GET', TASKS, as('reader'));
      await ask('POST', TASKS, 'User-Agent: ci/1');
    }
    const lines = await audited();
    const shown = lines.map((line) =>
      ['verdict', 'would_be', 'status', 'method', 'user', 'auth', 'user-agent', 'count'].map(
        (key) => line[key],
      ),
    );
    const change = ['unauthorized', 401, 204, 'POST', undefined, 'none', 'ci/1', undefined];
    expect(shown).toEqual([
      change,
      change,
      change,
      ['unauthorized', 401, 204, 'GET', undefined, 'none', 'grafana/9', 3],
      ['allowed', undefined, 204, 'GET', 'reader', 'basic', '', 3],
    ]);
  });
});

/** What stands there for ann and the admin is no record any more. */
async function breakStore(path: string): Promise<void> {
  const database = openDatabase(path, Buffer.alloc(0));
  await database.write(() => {
    const records = ['ann', 'admin'].map((name) => [name, Buffer.from('{')] as const);
    database.put(records, database.summary());
  });
  await database.close();
}
