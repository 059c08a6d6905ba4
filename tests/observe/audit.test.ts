import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { call } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TASKS = '/kapacitor/v1/tasks';
const USERS_API = '/kapacitor/v1/users';
const AGENT = 'User-Agent: test/1';

type Line = Readonly<Record<string, unknown>>;

let upstream: RecordingUpstream;
let dir: TempDir;
let file: string;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
  file = join(dir.path, 'audit.log');
});

afterEach(() => dir.remove());

/** The lines that a gateway with an audit log leaves of some work. */
async function linesOf(
  work: (gateway: OpenGateway) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<readonly Line[]> {
  const gateway = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_AUDIT_FILE: file, ...env },
  });
  try {
    await work(gateway);
  } finally {
    await gateway.stop();
  }
  const text = await readFile(file, 'utf8');
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Line);
}

async function play(
  { port }: OpenGateway,
  method: string,
  target: string,
  ...headers: readonly string[]
): Promise<number> {
  return (await exchange(port, requestText(method, target, [AGENT, ...headers]))).status;
}

const known = (line: Line): Line =>
  Object.fromEntries(Object.entries(line).filter(([key]) => !VARIES.includes(key)));
const VARIES = ['time', 'request-id', 'duration_ms', 'until'];

/** What can be changed in Kapacitor, by the requests that do it. */
const CHANGES: readonly (readonly [string, ...(readonly string[])])[] = [
  ['tasks', `POST ${TASKS}`, `PATCH ${TASKS}/cpu`, `DELETE ${TASKS}/cpu`],
  [
    'templates',
    'POST /kapacitor/v1/templates',
    'PATCH /kapacitor/v1/templates/t',
    'DELETE /kapacitor/v1/templates/t',
  ],
  ['topics', 'DELETE /kapacitor/v1/alerts/topics/system'],
  [
    'handlers',
    'POST /kapacitor/v1/alerts/topics/system/handlers',
    'PUT /kapacitor/v1/alerts/topics/system/handlers/slack',
    'PATCH /kapacitor/v1/alerts/topics/system/handlers/slack',
    'DELETE /kapacitor/v1/alerts/topics/system/handlers/slack',
  ],
  [
    'topics and handlers of 1.2 and 1.3',
    'DELETE /kapacitor/v1preview/alerts/topics/system',
    'DELETE /kapacitor/v1preview/alerts/topics/system/handlers/slack',
  ],
  ['the configuration', 'POST /kapacitor/v1/config/influxdb/default'],
  ['storage', 'POST /kapacitor/v1/storage/stores/tasks'],
  ['the log level', 'POST /kapacitor/v1/loglevel'],
  ['side-loading', 'POST /kapacitor/v1/sideload/reload'],
  ['service tests', 'POST /kapacitor/v1/service-tests/slack'],
  [
    'recordings and replays',
    'POST /kapacitor/v1/recordings/stream',
    'POST /kapacitor/v1/replays',
    'DELETE /kapacitor/v1/replays/r',
  ],
];

const COMMON = { address: '127.0.0.1', 'user-agent': 'test/1' };

describe('the audit log', () => {
  test('has a line for each change, with who, how, and the grant that allowed it', async () => {
    const lines = await linesOf(async (gateway) => {
      expect(await play(gateway, 'DELETE', `${TASKS}/cpu`, as('ben'))).toBe(204);
      expect(
        await play(gateway, 'PATCH', `${TASKS}/ä b?u=ben&p=pw-ben`.replace('ä b', '%C3%A4%20b')),
      ).toBe(204);
      expect(await play(gateway, 'POST', TASKS, as('admin'))).toBe(204);
      expect(await play(gateway, 'GET', TASKS, as('ben'))).toBe(204);
      expect(await play(gateway, 'HEAD', TASKS, as('ben'))).toBe(204);
      expect(await play(gateway, 'OPTIONS', TASKS)).toBe(200);
      expect(await play(gateway, 'GET', '/kapacitor/v1//tasks')).toBe(301);
    });
    const change = { verdict: 'allowed', status: 204, ...COMMON };
    expect(lines.map(known)).toEqual([
      {
        ...change,
        method: 'DELETE',
        path: `${TASKS}/cpu`,
        user: 'ben',
        auth: 'basic',
        grant: 'api',
      },
      {
        ...change,
        method: 'PATCH',
        path: `${TASKS}/%C3%A4%20b`,
        user: 'ben',
        auth: 'query',
        grant: 'api',
      },
      { ...change, method: 'POST', path: TASKS, user: 'admin', auth: 'basic', grant: 'admin' },
    ]);
    for (const line of lines) {
      expect(line['time']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(line['request-id']).toMatch(/^[0-9a-f-]{36}$/);
      expect(line['duration_ms']).toEqual(expect.any(Number));
    }
  });

  test('has a line for each refusal, with the name that was claimed or what was missing', async () => {
    const wrong = `Authorization: Basic ${Buffer.from('ben:wrong').toString('base64')}`;
    const lines = await linesOf(async (gateway) => {
      expect(await play(gateway, 'GET', TASKS)).toBe(401);
      expect(await play(gateway, 'GET', TASKS, wrong)).toBe(401);
      expect(await play(gateway, 'GET', TASKS, 'Authorization: Bearer a.b.c')).toBe(401);
      expect(await play(gateway, 'DELETE', TASKS, as('reader'))).toBe(403);
      expect(await play(gateway, 'GET', TASKS, as('nobody'))).toBe(403);
      expect(await play(gateway, 'GET', '/kapacitor/v1/storage/backup', as('ann'))).toBe(403);
      expect(await play(gateway, 'GET', `${TASKS}?p=a&p=b`)).toBe(400);
      expect(await play(gateway, 'TRACE', TASKS)).toBe(404);
    });
    const read = { method: 'GET', path: TASKS, ...COMMON };
    const reason = expect.any(String) as unknown;
    const none = { verdict: 'unauthorized', status: 401, ...read, reason };
    const denied = { verdict: 'forbidden', status: 403, ...COMMON, auth: 'basic', reason };
    const unread = { verdict: 'unreadable', ...COMMON, auth: 'none' };
    expect(lines.map(known)).toEqual([
      { ...none, auth: 'none' },
      { ...none, auth: 'basic', claimed: 'ben' },
      { ...none, auth: 'bearer' },
      {
        ...denied,
        method: 'DELETE',
        path: TASKS,
        user: 'reader',
        grant: 'api:read',
        missing: 'delete on /api/tasks',
      },
      { ...denied, method: 'GET', path: TASKS, user: 'nobody', missing: 'read on /api/tasks' },
      {
        ...denied,
        ...{ method: 'GET', path: '/kapacitor/v1/storage/backup', user: 'ann' },
        missing: 'an admin, for read on /api/storage/backup',
      },
      { ...unread, status: 400, method: 'GET', reason },
      { ...unread, status: 404, method: 'TRACE' },
    ]);
  });

  test('has one line a minute for points of one sender, allowed or not', async () => {
    const lines = await linesOf(async (gateway) => {
      for (let sent = 0; sent < 20; sent++) {
        expect(await play(gateway, 'POST', '/write?db=a&rp=autogen', as('ann'))).toBe(204);
      }
      expect(await play(gateway, 'POST', '/write?db=b', as('ann'))).toBe(204);
      for (let sent = 0; sent < 3; sent++)
        expect(await play(gateway, 'POST', '/write?db=a')).toBe(401);
    });
    const write = { method: 'POST', path: '/write', ...COMMON };
    const allowed = {
      verdict: 'allowed',
      status: 204,
      user: 'ann',
      auth: 'basic',
      grant: 'write_points',
    };
    const reason = 'unable to parse authentication credentials';
    expect(lines.map(known)).toEqual([
      { ...write, ...allowed, database: 'a', count: 20 },
      { ...write, ...allowed, database: 'b' },
      {
        ...write,
        verdict: 'unauthorized',
        status: 401,
        auth: 'none',
        database: 'a',
        count: 3,
        reason,
      },
    ]);
    expect(Date.parse(String(lines[0]?.['until']))).toBeGreaterThanOrEqual(
      Date.parse(String(lines[0]?.['time'])),
    );
  });

  test('has a line for each read, where they are asked for', async () => {
    const lines = await linesOf(
      async (gateway) => {
        for (let sent = 0; sent < 2; sent++)
          expect(await play(gateway, 'GET', TASKS, as('reader'))).toBe(204);
        expect(await play(gateway, 'HEAD', TASKS, as('nobody'))).toBe(204);
      },
      { KAPGATE_AUDIT_READS: 'true' },
    );
    const read = { path: TASKS, verdict: 'allowed', status: 204, auth: 'basic', ...COMMON };
    expect(lines.map(known)).toEqual([
      { ...read, method: 'GET', user: 'reader', grant: 'api:read' },
      { ...read, method: 'GET', user: 'reader', grant: 'api:read' },
      { ...read, method: 'HEAD', user: 'nobody' },
    ]);
  });

  test('names the user that a request of the users API made', async () => {
    const body = { name: 'new', password: 'a password', type: 'normal' };
    const lines = await linesOf(async ({ port }) => {
      expect((await call(port, 'POST', USERS_API, { user: 'admin:pw-admin', body })).status).toBe(
        200,
      );
      expect((await call(port, 'POST', USERS_API, { user: 'ann:pw-ann', body })).status).toBe(403);
    });
    expect(
      lines.map((line) => [line['event'] ?? line['verdict'], line['status'], line['name']]),
    ).toEqual([
      ['users changed', undefined, 'new'],
      ['allowed', 200, undefined],
      ['forbidden', 403, undefined],
    ]);
    expect(lines[0]).toMatchObject({ action: 'created', user: 'admin', auth: 'basic' });
    expect(JSON.stringify(lines)).not.toContain('a password');
  });

  test('says what was changed of a user, and what it is now; never the password', async () => {
    const user = 'admin:pw-admin';
    const lines = await linesOf(async ({ port }) => {
      const patch = async (body: object): Promise<void> => {
        expect((await call(port, 'PATCH', `${USERS_API}/ben`, { user, body })).status).toBe(200);
      };
      await patch({ password: 'canary-0123456789' });
      await patch({ permissions: ['api:read'] });
      await patch({ type: 'admin' });
      expect((await call(port, 'DELETE', `${USERS_API}/ben`, { user })).status).toBe(204);
    });
    const by = { event: 'users changed', name: 'ben', user: 'admin', auth: 'basic' };
    expect(lines.filter((line) => line['event'] !== undefined).map(known)).toEqual([
      { ...by, action: 'updated', password: 'changed' },
      { ...by, action: 'updated', permissions: ['api:read'] },
      { ...by, action: 'updated', type: 'admin' },
      { ...by, action: 'deleted' },
    ]);
    expect(JSON.stringify(lines)).not.toContain('canary');
  });

  test.each(CHANGES)('has a line for %s, by its path', async (_, ...requests) => {
    const lines = await linesOf(async (gateway) => {
      for (const request of requests) {
        const [method = '', path = ''] = request.split(' ');
        expect(await play(gateway, method, path, as('admin'))).toBe(204);
        expect(await play(gateway, method, path, as('reader'))).toBe(403);
      }
    });
    expect(lines.map(({ verdict, user, method, path }) => [verdict, user, method, path])).toEqual(
      requests.flatMap((request) => [
        ['allowed', 'admin', ...request.split(' ')],
        ['forbidden', 'reader', ...request.split(' ')],
      ]),
    );
  });

  test('tells of bytes that were no request, as does the access log', async () => {
    let accesses: readonly unknown[] = [];
    const lines = await linesOf(async (gateway) => {
      for (const bytes of [
        '\x16\x03\x01 hello\r\n\r\n',
        `GET ${TASKS} HTTP/1.1\r\nX: ${'x'.repeat(70_000)}\r\n\r\n`,
      ]) {
        const connection = await openRawConnection(gateway.port);
        connection.send(bytes);
        await connection.receive();
        connection.destroy();
      }
      await eventually('both are told', () => gateway.accesses.length === 2);
      accesses = gateway.accesses;
    });
    expect(lines.map(known)).toEqual([
      {
        verdict: 'unreadable',
        status: 400,
        address: '127.0.0.1',
        reason: expect.any(String) as unknown,
      },
      {
        verdict: 'unreadable',
        status: 431,
        address: '127.0.0.1',
        reason: expect.any(String) as unknown,
      },
    ]);
    expect(accesses).toEqual([
      expect.objectContaining({ host: '127.0.0.1', status: 400, path: '-' }),
      expect.objectContaining({ host: '127.0.0.1', status: 431, path: '-' }),
    ]);
  });

  test('a stranger’s text neither fills the disk nor acts on a terminal', async () => {
    const long = 'x'.repeat(10_000);
    const name = Buffer.from(`\u202e\x1b[2J${long}:p`).toString('base64');
    const lines = await linesOf(async (gateway) => {
      const headers = [`User-Agent: ${long}`, `Authorization: Basic ${name}`];
      const answer = await exchange(gateway.port, requestText('GET', `/${long}`, headers));
      expect(answer.status).toBe(401);
    });
    const text = await readFile(file, 'utf8');
    expect(lines).toHaveLength(1);
    expect(text.length).toBeLessThan(5_000);

    expect(text.slice(0, -1)).not.toMatch(/[\u0000-\u001f\u202e]/);
    expect(text).toContain('\\u202e\\u001b[2J');
  });

  test('no credential is in it, however it is sent', async () => {
    const secret = 'canary-0123456789';
    const encoded = Buffer.from(`ben:${secret}`).toString('base64');
    await linesOf(async (gateway) => {
      await play(gateway, 'POST', `${TASKS}?u=ben&p=${secret}&P=${secret}&x=${secret}`);
      await play(
        gateway,
        'POST',
        TASKS,
        `Authorization: Basic ${encoded}`,
        `Referer: ${secret}`,
        `Cookie: ${secret}`,
      );
      await play(gateway, 'POST', TASKS, `Authorization: Bearer ${secret}`);
      await play(
        gateway,
        'POST',
        TASKS,
        `Authorization: Basic ${Buffer.from(`~subscriber:${secret}`).toString('base64')}`,
      );
      await play(gateway, 'POST', `/write?db=a&db=${secret}`);
      await play(gateway, 'POST', `/kapacitor/v1/%zz${secret}`);
      await play(gateway, 'POST', `/kapacitor/v1//x?p=${secret}`);
    });
    const text = await readFile(file, 'utf8');
    expect(text.split('\n').length).toBeGreaterThan(6);
    expect(text).not.toContain(secret);
    expect(text).not.toContain(encoded);
  });

  test('a full disk stops no request', async () => {
    const gateway = await openGateway({
      upstream: upstream.url,
      env: { KAPGATE_AUDIT_FILE: '/dev/full' },
    });
    for (let sent = 0; sent < 20; sent++) {
      expect(await play(gateway, 'DELETE', `${TASKS}/cpu`, as('ben'))).toBe(204);
    }
    await eventually('it is told', () =>
      gateway.lines.some(({ message }) => message === 'the audit log cannot be written'),
    );
    await gateway.stop();
    expect(gateway.lines.at(-1)).toMatchObject({ fields: { lines: 20 } });
  });

  test('stops the start where its file cannot be opened', async () => {
    const missing = join(dir.path, 'missing', 'audit.log');
    const opening = openGateway({ upstream: upstream.url, env: { KAPGATE_AUDIT_FILE: missing } });
    await expect(opening).rejects.toThrow(`cannot open the audit log "${missing}"`);
  });
});
