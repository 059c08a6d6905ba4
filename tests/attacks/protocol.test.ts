import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { expectNoAccidents } from '../support/accidents.ts';
import { makeToken } from '../support/jwt.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const SECRET = 'a-secret-of-more-than-16-bytes';

let upstream: RecordingUpstream;
let gateway: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(200, {}, 'from upstream'));
  gateway = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_HTTP_SHARED_SECRET: SECRET },
  });
});

afterEach(() => upstream.clear());

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

async function status(...headers: readonly string[]): Promise<number> {
  return (await exchange(gateway.port, requestText('GET', TASKS, headers))).status;
}

function basic(name: string, password: string): string {
  return `Authorization: Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

function bearer(claims: Readonly<Record<string, unknown>>, secret = SECRET): string {
  return `Authorization: Bearer ${makeToken({ header: { alg: 'HS512', typ: 'JWT' }, claims, secret })}`;
}

const nowSeconds = (): number => Math.floor(Date.now() / 1000);

describe('a CONNECT', () => {
  test.each([
    ['a body', 'CONNECT x:80 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello'],
    [
      'a chunked body',
      'CONNECT x:80 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    [
      'a request behind it',
      `CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n${requestText('GET', TASKS, [as('ann')])}`,
    ],
    ['credentials', `CONNECT x:80 HTTP/1.1\r\nHost: x\r\n${as('admin')}\r\n\r\n`],
    ['a path', `CONNECT ${TASKS} HTTP/1.1\r\nHost: x\r\n${as('admin')}\r\n\r\n`],
  ])('with %s is 404, and the end of the connection', async (_name, bytes) => {
    const connection = await openRawConnection(gateway.port);
    connection.send(bytes);
    expect((await connection.receive()).status).toBe(404);
    await connection.ended();
    connection.destroy();
    expect(upstream.requests).toEqual([]);
  });
});

describe('a token', () => {
  test('is judged by itself, whatever was believed before', async () => {
    const good = bearer({ username: 'ann', exp: nowSeconds() + 60 });
    const other = bearer({ username: 'admin', exp: nowSeconds() + 60 });
    expect(await status(good)).toBe(200);
    const [header = '', claims = '', signature = ''] = good.split('.');
    const [, otherClaims = '', otherSignature = ''] = other.split('.');
    const last = signature.endsWith('A') ? 'Q' : 'A';
    for (const forged of [
      `${header}.${claims}.${signature.slice(0, -2)}${last}${last}`,
      `${header}.${claims}.${signature.slice(0, -1)}`,
      `${header}.${claims}.${signature}AAAA`,
      `${header}.${otherClaims}.${signature}`,
      `${header}.${claims}.${otherSignature}`,
      `${header}.${claims}.`,
    ]) {
      expect([forged, await status(forged)]).toEqual([forged, 401]);
    }
    expect(await status(good)).toBe(200);
    expect(upstream.requests.length).toBe(2);
  });

  test('ends with its time, also where it was believed a moment ago', async () => {
    const brief = bearer({ username: 'ann', exp: nowSeconds() + 2 });
    expect(await status(brief)).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await status(brief)).toBe(401);
  });

  test('signed with nothing, or with the name of the algorithm none, is nobody', async () => {
    const claims = { username: 'admin', exp: nowSeconds() + 60 };
    expect(await status(bearer(claims, ''))).toBe(401);
    for (const alg of ['none', 'None', 'nOnE', 'RS256']) {
      const token = makeToken({ header: { alg }, claims, secret: undefined });
      expect([alg, await status(`Authorization: Bearer ${token}`)]).toEqual([alg, 401]);
    }
    expect(upstream.requests).toEqual([]);
  });
});

describe('credentials at their limits', () => {
  test.each([60, 72, 73, 200, 5_000])(
    'Okta 2024, a name of %i bytes brings in nobody, whatever the password',
    async (length) => {
      for (const password of ['', 'x', 'pw-ann', 'x'.repeat(100)]) {
        expect(await status(basic('n'.repeat(length), password))).toBe(401);
        expect(await status(basic(`ann${'n'.repeat(length)}`, password))).toBe(401);
      }
      expect(upstream.requests).toEqual([]);
    },
  );

  test.each(['', '\0', 'pw-ann\0', 'pw-ann\0tail', `pw-ann${' '.repeat(70)}`, 'pw-ann\n'])(
    'the password %j is not one that it begins with',
    async (password) => {
      expect(await status(basic('ann', password))).toBe(401);
      expect(upstream.requests).toEqual([]);
    },
  );

  test('a remembered password of one user opens no other whose name and password join alike', async () => {
    expect(await status(basic('ann', 'pw-ann'))).toBe(200);
    for (const [name, password] of [
      ['annp', 'w-ann'],
      ['an', 'npw-ann'],
      ['annpw-ann', ''],
      ['', 'annpw-ann'],
      ['ann:pw', '-ann'],
    ] as const) {
      expect(await status(basic(name, password))).toBe(401);
    }
    expect(upstream.requests.length).toBe(1);
  });

  test.each([
    'Authorization:',
    'Authorization: Basic',
    'Authorization: Basic ',
    'Authorization: Basic  YW5uOnB3LWFubg==',
    'Authorization: Basic YW5uOnB3LWFubg',
    'Authorization: Basic YW5uOnB3LWFubg==x',
    'Authorization: Basic YW5u',
    'Authorization: Bearer',
    'Authorization: bearer YW5uOnB3LWFubg==',
    'Authorization: Digest username="ann"',
    'Authorization: Negotiate YW5uOnB3LWFubg==',
    'Authorization: \x7f',
    'Proxy-Authorization: Basic YW5uOnB3LWFubg==',
    'Cookie: session=YW5uOnB3LWFubg==',
  ])('CVE-2026-25748, what cannot be read fails closed: %j', async (header) => {
    expect([400, 401]).toContain(await status(header));
    expect(upstream.requests).toEqual([]);
  });
});
