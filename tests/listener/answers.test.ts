import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Socket } from 'node:net';
import { IncomingBody } from '../../src/http/incoming-body.ts';
import { IncomingRequest } from '../../src/http/incoming-request.ts';
import { readRequestHead } from '../../src/http/request-head.ts';
import { WaitingBytes } from '../../src/http/waiting-bytes.ts';
import { createAdmission } from '../../src/listener/admission.ts';
import { readCredentials } from '../../src/credentials/credentials.ts';
import { readTarget } from '../../src/kernel/target.ts';
import type { Target } from '../../src/kernel/target.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const USERS_API = '/kapacitor/v1/users';

let upstream: RecordingUpstream;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

afterAll(() => upstream.stop());

async function within<T>(
  env: Record<string, string>,
  work: (gateway: OpenGateway) => Promise<T>,
): Promise<T> {
  const gateway = await openGateway({ upstream: upstream.url, env });
  try {
    return await work(gateway);
  } finally {
    await gateway.stop();
  }
}

describe('a 401', () => {
  async function challenge(
    setting: string,
    ...headers: readonly string[]
  ): Promise<string | undefined> {
    const response = await within({ KAPGATE_HTTP_CHALLENGE: setting }, ({ port }) =>
      exchange(port, requestText('GET', TASKS, headers)),
    );
    expect(response.status).toBe(401);
    return response.header('www-authenticate');
  }
  const ASKS = 'Basic realm="Kapacitor", charset="UTF-8"';

  test('asks for credentials, but not in a browser, unless it is told to or not to', async () => {
    const browser = 'User-Agent: Mozilla/5.0 (X11)';
    expect(await challenge('auto')).toBe(ASKS);
    expect(await challenge('auto', 'User-Agent: curl/8')).toBe(ASKS);
    expect(await challenge('auto', browser)).toBeUndefined();
    expect(await challenge('true', browser)).toBe(ASKS);
    expect(await challenge('false', 'User-Agent: curl/8')).toBeUndefined();
  });
});

describe('answers of the gateway', () => {
  let gateway: OpenGateway;

  beforeAll(async () => {
    gateway = await openGateway({
      upstream: upstream.url,
      env: { KAPGATE_LIMITS_MAX_USERS_BODY: '1024' },
    });
  });

  afterAll(() => gateway.stop());

  function send(
    method: string,
    target: string,
    headers: readonly string[] = [],
    body = '',
  ): Promise<RawResponse> {
    return exchange(gateway.port, requestText(method, target, headers, body));
  }

  test('to HEAD are those to GET without their body', async () => {
    const [get, head] = [await send('GET', TASKS), await send('HEAD', TASKS)];
    expect([head.status, head.header('content-length')]).toEqual([
      401,
      get.header('content-length'),
    ]);
    expect(get.body.length).toBeGreaterThan(0);
  });

  test('OPTIONS is answered empty to anybody, and not forwarded', async () => {
    const response = await send('OPTIONS', TASKS, [
      'Origin: https://evil',
      'Access-Control-Request-Method: DELETE',
    ]);
    expect([
      response.status,
      response.header('content-length'),
      response.header('access-control-allow-origin'),
    ]).toEqual([...[200, '0', undefined]]);
    expect(upstream.requests.length).toBe(0);
  });

  test('a redirect is Kapacitor’s, and leads nowhere else', async () => {
    for (const [target, location] of [
      ['//evil.example/x', '/evil.example/x'],
      ['/a/../b?db=x&y=%3Cscript%3E', '/b?db=x&y=%3Cscript%3E'],
      ['/./x', '/x'],
    ] as const) {
      const response = await send('GET', target);
      expect([response.status, response.header('location')]).toEqual([301, location]);
      expect(response.body.toString()).not.toContain('<script');
    }
  });

  test('carry the request-id that the client gave', async () => {
    expect((await send('GET', TASKS, ['Request-Id: abc.1_2-3'])).header('request-id')).toBe(
      'abc.1_2-3',
    );
  });

  test('a body of the users API that is too large is 413, announced or not', async () => {
    const large = 'x'.repeat(1025);
    expect((await send('POST', USERS_API, [as('admin')], large)).status).toBe(413);
    const chunked = `POST ${USERS_API} HTTP/1.1\r\nHost: x\r\n${as('admin')}\r\nTransfer-Encoding: chunked\r\n\r\n`;
    const chunks = `401\r\n${large}\r\n0\r\n\r\n`;
    expect((await exchange(gateway.port, chunked + chunks)).status).toBe(413);
    expect((await send('POST', USERS_API, [as('admin')], 'x'.repeat(1024))).status).toBe(400);
  });

  test('a client that leaves amid such a body leaves nothing behind', async () => {
    for (let round = 0; round < 5; round++) {
      const connection = await openRawConnection(gateway.port);
      connection.send(
        `POST ${USERS_API} HTTP/1.1\r\nHost: x\r\n${as('admin')}\r\nContent-Length: 100\r\n\r\n{`,
      );
      connection.socket.resetAndDestroy();
    }
    expect((await send('GET', USERS_API, [as('admin')])).status).toBe(200);
  });
});

describe('who needs no credentials', () => {
  function targetOf(method: string, raw: string): Target {
    const reading = readTarget(method, raw);
    if (reading.kind !== 'target') throw new Error(raw);
    return reading.target;
  }

  function admits(
    options: { isOpen?: boolean; pingAuthEnabled?: boolean; isBootstrap?: boolean },
    method: string,
    raw: string,
    authorization = '',
  ): string {
    const target = targetOf(method, raw);
    const admit = createAdmission({
      isOpen: options.isOpen ?? false,
      pingAuthEnabled: options.pingAuthEnabled ?? true,
      isBootstrap: () => options.isBootstrap ?? false,
    });
    const head = readRequestHead(requestText(method, raw));
    const body = new IncomingBody(0, new WaitingBytes(), () => undefined);
    const request = new IncomingRequest(head, body, new Socket());
    return admit(request, target, readCredentials(authorization, target.query))?.method ?? 'nobody';
  }

  test('through a closed gate nobody goes', () => {
    for (const path of [TASKS, '/write', '/kapacitor/v1/ping', USERS_API]) {
      expect(admits({}, 'GET', path)).toBe('nobody');
    }
  });

  test('through an open one everybody goes, but not to the users API, in any spelling', () => {
    expect(admits({ isOpen: true }, 'DELETE', TASKS)).toBe('anonymous');
    for (const path of [
      USERS_API,
      `${USERS_API}/x`,
      '/kapacitor/v1preview/users',
      '/kapacitor/v1/%75sers',
    ]) {
      expect(admits({ isOpen: true }, 'GET', path)).toBe('nobody');
    }
  });

  test('a free ping is a ping, and nothing that only looks like one', () => {
    const free = { pingAuthEnabled: false };
    expect(admits(free, 'GET', '/kapacitor/v1/ping')).toBe('anonymous');
    expect(admits(free, 'HEAD', '/kapacitor/v1preview/ping')).toBe('anonymous');
    for (const [method, path] of [
      ['POST', '/kapacitor/v1/ping'],
      ['GET', '/kapacitor/v1/ping/'],
      ['GET', '/kapacitor/v1/pings'],
      ['GET', '/ping'],
      ['GET', `${TASKS}?x=/kapacitor/v1/ping`],
    ] as const) {
      expect(admits(free, method, path)).toBe('nobody');
    }
  });

  test('who brings credentials is judged by them, also where none were needed', () => {
    for (const authorization of ['Basic !!!', 'Bearer x', 'Digest x']) {
      expect(
        admits(
          { pingAuthEnabled: false, isBootstrap: true },
          'GET',
          '/kapacitor/v1/ping',
          authorization,
        ),
      ).toBe('nobody');
    }
    expect(admits({ isBootstrap: true }, 'POST', `${USERS_API}?u=a&p=b`)).toBe('nobody');
    expect(admits({ isBootstrap: true }, 'POST', USERS_API)).toBe('bootstrap');
  });
});
