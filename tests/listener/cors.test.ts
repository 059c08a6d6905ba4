import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { refusedOrigin } from '../../src/config/hosts.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const PARTNER = 'https://partner.example';
const PREFLIGHT = ['Access-Control-Request-Method: DELETE'];

let upstream: RecordingUpstream;
let closed: OpenGateway;
let allowing: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  // As Kapacitor answers: whoever asks may read.
  upstream = await startRecordingUpstream((recorded, response) => {
    const origin = recorded.headers.find(([name]) => name.toLowerCase() === 'origin')?.[1] ?? '*';
    void answering(
      200,
      {
        'Access-Control-Allow-Origin': origin,
        'access-control-allow-credentials': 'true',
        'Access-Control-Allow-Methods': 'DELETE, GET, OPTIONS, POST, PATCH',
        Vary: 'Accept-Encoding',
        'X-Kapacitor-Version': '1.5.9',
      },
      'tasks',
    )(recorded, response, response.req);
  });
  closed = await openGateway({ upstream: upstream.url });
  allowing = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_HTTP_ALLOWED_ORIGINS: `${PARTNER},http://127.0.0.1:8080` },
  });
});

afterEach(() => {
  upstream.clear();
});

afterAll(async () => {
  await closed.stop();
  await allowing.stop();
  await upstream.stop();
});

function send(
  gateway: OpenGateway,
  method: string,
  headers: readonly string[],
  target = TASKS,
): Promise<RawResponse> {
  return exchange(gateway.port, requestText(method, target, headers));
}

/** What of an answer is meant for browsers. */
function toBrowsers({ headers }: RawResponse): Readonly<Record<string, readonly string[]>> {
  const found: Record<string, string[]> = {};
  for (const [name, value] of headers) {
    if (/^(?:access-|vary$)/i.test(name)) (found[name.toLowerCase()] ??= []).push(value);
  }
  return found;
}

const READABLE = {
  'access-control-allow-origin': [PARTNER],
  'access-control-expose-headers': ['Request-Id, Retry-After, X-Kapacitor-Version'],
};

describe('pages of allowed origins', () => {
  test('read what Kapacitor answers, and the origin is the gateway’s word, not Kapacitor’s', async () => {
    const answer = await send(allowing, 'GET', [as('ann'), `Origin: ${PARTNER}`]);
    expect(answer.status).toBe(200);
    expect(toBrowsers(answer)).toEqual({ ...READABLE, vary: ['Accept-Encoding', 'Origin'] });
    expect(answer.body.toString()).toBe('tasks');
  });

  test.each([
    ['a refusal', 'GET', TASKS, [], 401],
    ['a missing right', 'DELETE', TASKS, [as('reader')], 403],
    ['what cannot be read', 'GET', `${TASKS}?db=a&db=b`, [], 400],
    ['a redirect', 'GET', '/kapacitor/v1//tasks', [], 301],
    ['the users API', 'GET', '/kapacitor/v1/users', [as('admin')], 200],
  ])('read %s', async (_, method, target, headers, status) => {
    const answer = await send(allowing, method, [...headers, `Origin: ${PARTNER}`], target);
    expect(answer.status).toBe(status);
    expect(toBrowsers(answer)).toEqual({ ...READABLE, vary: ['Origin'] });
  });

  test('are told before they ask what they may send', async () => {
    const answer = await send(allowing, 'OPTIONS', [`Origin: ${PARTNER}`, ...PREFLIGHT]);
    expect([answer.status, answer.header('content-length')]).toEqual([200, '0']);
    const said = toBrowsers(answer);
    expect(said).toMatchObject({
      ...READABLE,
      vary: ['Origin'],
      'access-control-max-age': ['600'],
      'access-control-allow-methods': ['DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT'],
    });
    expect(said['access-control-allow-headers']?.[0]?.split(', ')).toEqual(
      expect.arrayContaining(['Authorization', 'Content-Type']),
    );
    expect(said['access-control-allow-credentials']).toBeUndefined();
    expect(upstream.requests).toEqual([]);
  });
});

describe('pages of other origins', () => {
  const others = [
    'https://evil.example',
    'http://partner.example',
    'https://partner.example:443',
    'https://partner.example/',
    'HTTPS://PARTNER.EXAMPLE',
    'https://partner.example.evil.example',
    'null',
    '*',
    `${PARTNER}, https://evil.example`,
    '__proto__',
  ];

  test.each(others)('%s: neither answers nor preflights', async (origin) => {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await send(allowing, method, [as('ann'), `Origin: ${origin}`, ...PREFLIGHT]);
      expect(answer.status).toBe(200);
      const said = toBrowsers(answer);
      expect(said).toEqual({
        vary: method === 'GET' ? ['Accept-Encoding', 'Origin'] : ['Origin'],
      });
    }
  });

  test('a cache learns that an answer without Origin is for nobody else', async () => {
    expect(toBrowsers(await send(allowing, 'GET', [as('ann')]))).toEqual({
      vary: ['Accept-Encoding', 'Origin'],
    });
  });

  test('where no origin is allowed, answers say nothing to browsers', async () => {
    for (const origin of [PARTNER, ...others]) {
      expect(toBrowsers(await send(closed, 'GET', [as('ann'), `Origin: ${origin}`]))).toEqual({
        vary: ['Accept-Encoding'],
      });
      expect(
        toBrowsers(await send(closed, 'OPTIONS', [`Origin: ${origin}`, ...PREFLIGHT])),
      ).toEqual({});
    }
  });
});

describe('refusedOrigin', () => {
  test.each([
    'https://a.example',
    'http://a.example:8080',
    'http://[::1]:8080',
    'http://localhost',
  ])('%s is an origin', (origin) => {
    expect(refusedOrigin(origin)).toBeUndefined();
  });

  test.each([
    ['*', '"*" would let every page on the web read answers: name each origin'],
    ['null', 'any page can have itself sent as "null": it names nobody'],
    ['a.example', '"a.example" is no origin'],
    ['https://*.a.example', '"https://*.a.example" is no origin'],
    ['ftp://a.example', '"ftp://a.example" is no origin'],
    ['https://', '"https://" is no origin'],
    ['https://a.example/', '"https://a.example/": browsers write it "https://a.example"'],
    ['https://A.example', '"https://A.example": browsers write it "https://a.example"'],
    ['https://a.example:443', '"https://a.example:443": browsers write it "https://a.example"'],
    ['https://u:p@a.example', '"https://u:p@a.example": browsers write it "https://a.example"'],
    [
      'https://bücher.example',
      '"https://bücher.example": browsers write it "https://xn--bcher-kva.example"',
    ],
  ])('%s is refused', (origin, why) => {
    expect(refusedOrigin(origin)).toBe(why);
  });
});
