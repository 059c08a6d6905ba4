import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:http';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:net';
import { AdminListenError, createAdmin, isOwnHost } from '../../src/observe/admin.ts';
import type { Admin } from '../../src/observe/admin.ts';
import type { Readiness } from '../../src/observe/readiness.ts';

const READY: Readiness = { ready: true, parts: { store: { state: 'ok', detail: '' } } };

let readiness: () => Promise<Readiness>;
let text: () => Promise<string>;
let errors: unknown[];
let admin: Admin;
let port: number;

beforeEach(async () => {
  readiness = () => Promise.resolve(READY);
  text = () => Promise.resolve('a_metric 1\n');
  errors = [];
  admin = openAdmin({ host: '127.0.0.1', port: 0 });
  port = await admin.start();
});

afterEach(() => admin.stop());

function openAdmin(address: { host: string; port: number }): Admin {
  return createAdmin({
    address,
    metrics: { contentType: 'text/plain; version=0.0.4', text: () => text() },
    readiness: () => readiness(),
    onError: (error) => errors.push(error),
  });
}

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function ask(
  path: string,
  { method = 'GET', host = `127.0.0.1:${port}` }: { method?: string; host?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = request(
      { host: '127.0.0.1', port, path, method, headers: { host }, agent: false },
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk: string) => {
          body += chunk;
        });
        response.on('end', () => {
          resolve({ status: response.statusCode, headers: response.headers, body });
        });
      },
    );
    asked.on('error', reject).end();
  });
}

describe('createAdmin', () => {
  test('/healthz says ok', async () => {
    expect(await ask('/healthz')).toMatchObject({ status: 200, body: 'ok\n' });
  });

  test('/metrics is what the metrics say, in their content type', async () => {
    const { status, headers, body } = await ask('/metrics?x=y');
    expect({ status, body }).toEqual({ status: 200, body: 'a_metric 1\n' });
    expect(headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
  });

  test('/readyz is 200 where no part has a fault, and 503 where one has', async () => {
    const ready = await ask('/readyz');
    expect({ status: ready.status, body: JSON.parse(ready.body) as unknown }).toEqual({
      status: 200,
      body: READY,
    });
    const parts = { upstream: { state: 'fault', detail: 'gone' } } as const;
    readiness = () => Promise.resolve({ ready: false, parts });
    const other = await ask('/readyz');
    expect({ status: other.status, body: JSON.parse(other.body) as unknown }).toEqual({
      status: 503,
      body: { ready: false, parts },
    });
  });

  test('HEAD is answered without a body', async () => {
    const { status, headers, body } = await ask('/healthz', { method: 'HEAD' });
    expect({ status, body, length: headers['content-length'] }).toEqual({
      status: 200,
      body: '',
      length: '3',
    });
  });

  test.each(['/', '/metrics/', '/kapacitor/v1/ping', '/healthz%00', '//metrics'])(
    '%s is 404',
    async (path) => {
      expect((await ask(path)).status).toBe(404);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH'])('%s is 405', async (method) => {
    const { status, headers } = await ask('/metrics', { method });
    expect({ status, allow: headers.allow }).toEqual({ status: 405, allow: 'GET, HEAD' });
  });

  test('a foreign Host is 403, before anything is looked at', async () => {
    readiness = () => Promise.reject(new Error('looked'));
    expect((await ask('/readyz', { host: 'evil.example' })).status).toBe(403);
    expect(errors).toEqual([]);
  });

  test('what goes wrong is 500 and told, and the next request is answered', async () => {
    text = () => Promise.reject(new Error('no figures'));
    expect(await ask('/metrics')).toMatchObject({ status: 500 });
    expect(errors).toEqual([new Error('no figures')]);
    expect((await ask('/healthz')).status).toBe(200);
  });

  test('a port that is taken is a sentence with what to do', async () => {
    const other = openAdmin({ host: '127.0.0.1', port });
    const failure = await other.start().catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(AdminListenError);
    expect(String(failure)).toMatch(
      /cannot listen on 127\.0\.0\.1:\d+ for \/metrics: .*EADDRINUSE.*; another process has this port, perhaps another gateway: give each its own \[admin\] bind-address, or "" for none/,
    );
    await other.stop();
  });

  test('stop ends open connections and gives the port back', async () => {
    await ask('/healthz');
    await admin.stop();
    await new Promise<void>((resolve, reject) => {
      const next = createServer().on('error', reject);
      next.listen(port, '127.0.0.1', () => next.close(() => resolve()));
    });
  });
});

describe('isOwnHost', () => {
  test.each([
    ['localhost', '127.0.0.1'],
    ['LOCALHOST:9193', '127.0.0.1'],
    ['127.0.0.1:9193', '127.0.0.1'],
    ['127.9.9.9', '10.0.0.7'],
    ['[::1]:9193', '127.0.0.1'],
    ['10.0.0.7:9193', '10.0.0.7'],
    ['Gate.example:9193', 'gate.example'],
    ['10.0.0.7:9193', '0.0.0.0'],
    ['[fd00::7]', ''],
    ['10.0.0.7', '::'],
  ])('%s is our own where we listen on "%s"', (header, bind) => {
    expect(isOwnHost(header, bind)).toBe(true);
  });

  test.each([
    [undefined, '127.0.0.1'],
    ['', '127.0.0.1'],
    ['evil.example', '127.0.0.1'],
    ['evil.example:9193', '0.0.0.0'],
    ['localhost.evil.example', '127.0.0.1'],
    ['127.0.0.1.evil.example', '127.0.0.1'],
    ['127.0.0.1:9193@evil.example', '127.0.0.1'],
    ['127.0.0.1:9193:1', '127.0.0.1'],
    ['10.0.0.7', '127.0.0.1'],
    ['0.0.0.0', '127.0.0.1'],
    ['[::1', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['2130706433', '0.0.0.0'],
  ])('%s is not where we listen on "%s"', (header, bind) => {
    expect(isOwnHost(header, bind)).toBe(false);
  });
});
