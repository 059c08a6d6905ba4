import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordedRequest, RecordingUpstream } from '../support/recording-upstream.ts';

const SUBSCRIPTIONS = { influx: [], limited: ['telegraf'] };
const POINT = 'cpu,host=a value=1 1';
const UNKNOWN = 'invalid subscription token';

let upstream: RecordingUpstream;
let closed: OpenGateway;
let open: OpenGateway;
let freePing: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204, { 'X-Kapacitor-Version': '1.5.9' }));
  const options = { upstream: upstream.url, subscriptions: SUBSCRIPTIONS };
  closed = await openGateway(options);
  open = await openGateway({
    ...options,
    env: { KAPGATE_HTTP_AUTH_ENABLED: 'false', KAPGATE_AUTH_ENABLED: 'false' },
  });
  freePing = await openGateway({ ...options, env: { KAPGATE_HTTP_PING_AUTH_ENABLED: 'false' } });
});

afterEach(() => {
  // Whatever came, and whatever became of it: no secret is in a log or at Kapacitor.
  for (const gateway of [closed, open, freePing]) {
    const log = JSON.stringify(gateway.lines);
    for (const secret of Object.values(gateway.secrets)) expect(log).not.toContain(secret);
  }
  const sent = upstream.requests.map(({ target, headers, body }) => [target, headers, body]);
  const text = `${JSON.stringify(sent)} ${String(sent)}`;
  for (const gateway of [closed, open, freePing])
    for (const secret of Object.values(gateway.secrets)) expect(text).not.toContain(secret);
  upstream.clear();
});

afterAll(async () => {
  await Promise.all([closed, open, freePing].map((each) => each.stop()));
  await upstream.stop();
});

function secretOf(gateway: OpenGateway, name: keyof typeof SUBSCRIPTIONS = 'influx'): string {
  return gateway.secrets[name] ?? '';
}

function pathOf(gateway: OpenGateway, rest: string, name?: keyof typeof SUBSCRIPTIONS): string {
  return `/sub/${secretOf(gateway, name)}${rest}`;
}

function send(
  gateway: OpenGateway,
  method: string,
  target: string,
  headers: readonly string[] = [],
): Promise<RawResponse> {
  return exchange(
    gateway.port,
    requestText(method, target, headers, method === 'POST' ? POINT : ''),
  );
}

function messageOf({ body }: RawResponse): string {
  return (JSON.parse(body.toString()) as { error: string }).error;
}

function headerOf({ headers }: RecordedRequest, name: string): string | undefined {
  return headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

/** Nothing arrived at Kapacitor. */
async function refused(
  gateway: OpenGateway,
  want: { readonly status: number; readonly message?: string },
  ...request: [method: string, target: string, headers?: readonly string[]]
): Promise<RawResponse> {
  const response = await send(gateway, ...request);
  expect({ status: response.status, sent: upstream.requests.length }).toEqual({
    status: want.status,
    sent: 0,
  });
  if (want.message !== undefined) expect(messageOf(response)).toBe(want.message);
  for (const secret of Object.values(gateway.secrets))
    expect(response.raw.toString()).not.toContain(secret);
  return response;
}

describe.each(['closed', 'open'] as const)('the path of a subscription, the gate %s', (mode) => {
  const gate = (): OpenGateway => (mode === 'closed' ? closed : open);

  test('a write is Kapacitor’s /write, in the name of the subscription', async () => {
    const target = pathOf(gate(), '/write?consistency=&db=telegraf&precision=ns&rp=autogen');
    const response = await send(gate(), 'POST', target, ['User-Agent: InfluxDBClient']);
    expect(response.status).toBe(204);
    expect(upstream.requests).toHaveLength(1);
    const [request] = upstream.requests;
    expect(request).toMatchObject({
      method: 'POST',
      target: '/write?consistency=&db=telegraf&precision=ns&rp=autogen',
      body: Buffer.from(POINT),
    });
    if (request !== undefined) {
      expect(headerOf(request, 'x-forwarded-user')).toBe('~subscriber%3Ainflux');
    }
    await eventually('its access line', () => gate().accesses.length > 0);
    expect(gate().accesses.at(-1)).toMatchObject({
      username: '~subscriber:influx',
      auth: 'subscription',
      path: '/sub/[redacted]/write',
      db: 'telegraf',
      status: 204,
    });
  });

  test.each(['GET', 'HEAD'])('%s of ping is Kapacitor’s ping', async (method) => {
    const response = await send(gate(), method, pathOf(gate(), '/ping?verbose=1'));
    expect(response.status).toBe(204);
    expect(response.header('x-kapacitor-version')).toBe('1.5.9');
    expect(upstream.requests).toMatchObject([{ method, target: '/kapacitor/v1/ping?verbose=1' }]);
  });

  test('an encoded spelling is the same path', async () => {
    const hex = Array.from(secretOf(gate()))
      .map((each) => `%${each.charCodeAt(0).toString(16)}`)
      .join('');
    const response = await send(gate(), 'POST', `/%73%75%62/${hex}/%77rite?db=a`);
    expect(response.status).toBe(204);
    expect(upstream.requests).toMatchObject([{ target: '/write?db=a' }]);
  });

  test('one that is limited writes to its database and to no other', async () => {
    const own = await send(gate(), 'POST', pathOf(gate(), '/write?db=telegraf', 'limited'));
    expect(own.status).toBe(204);
    upstream.clear();
    await refused(
      gate(),
      {
        status: 403,
        message:
          'user ~subscriber:limited does not have "write" privilege for database "_internal"',
      },
      ...(['POST', pathOf(gate(), '/write?db=_internal', 'limited')] as const),
    );
  });

  test.each([
    ['a short one', 'x'],
    ['one as long as ours', 'X'.repeat(43)],
    ['a name', '~subscriber'],
    ['none', ''],
    ['a blank', '%20'],
    ['a name of the prototype', '__proto__'],
    ['a long one', 'A'.repeat(20_000)],
  ])('an unknown secret is a 401 on every path: %s', async (_, secret) => {
    for (const [method, rest] of [
      ['POST', '/write?db=a'],
      ['GET', '/ping'],
      ['HEAD', '/ping'],
      ['GET', '/x'],
      ['DELETE', ''],
    ] as const) {
      const path = secret === '' ? `/sub${rest === '' ? '/' : ''}` : `/sub/${secret}${rest}`;
      await refused(gate(), { status: 401 }, method, path);
    }
  });

  test('a secret in another case is another secret', async () => {
    const swapped = Array.from(secretOf(gate()))
      .map((each) => (each === each.toLowerCase() ? each.toUpperCase() : each.toLowerCase()))
      .join('');
    await refused(gate(), { status: 401, message: UNKNOWN }, 'POST', `/sub/${swapped}/write`);
    await refused(
      gate(),
      { status: 401, message: UNKNOWN },
      ...(['POST', pathOf(gate(), ';x/write?db=a')] as const),
    );
  });

  test.each([
    ['POST', '/ping'],
    ['GET', '/write?db=a'],
    ['PUT', '/write?db=a'],
    ['DELETE', '/write'],
    ['POST', '/write/'],
    ['POST', '/write/x'],
    ['POST', '/WRITE'],
    ['GET', '/ping/'],
    ['GET', ''],
    ['GET', '/'],
    ['GET', '/kapacitor/v1/tasks'],
    ['POST', '/kapacitor/v1/write?db=a'],
    ['GET', '/kapacitor/v1/users'],
    ['POST', '/kapacitor/v1/users'],
  ])('nothing else is behind it: %s %s is a 403', async (method, rest) => {
    const message = `user ~subscriber:influx does not have "${privilegeOf(method)}" privilege for API endpoint "/sub"`;
    await refused(gate(), { status: 403, message }, method, pathOf(gate(), rest));
  });

  test('not even a HEAD, which needs no privilege, gets anywhere', async () => {
    for (const rest of ['', '/', '/write', '/kapacitor/v1/tasks', '/ping/x'])
      await refused(gate(), { status: 404 }, 'HEAD', pathOf(gate(), rest));
  });

  test('an area in capitals is none', async () => {
    for (const area of ['SUB', 'Sub', 'sUB']) {
      await refused(gate(), { status: 403 }, 'POST', `/${area}/${secretOf(gate())}/write?db=a`);
      await refused(gate(), { status: 401 }, 'POST', `/${area}/x/write?db=a`);
    }
  });

  test('a path that is not clean is refused, and never sent elsewhere', async () => {
    const secret = secretOf(gate());
    for (const path of [
      `//sub/${secret}/write`,
      `/./sub/${secret}/write`,
      `/%2e/sub/${secret}/write`,
      `/x/%2e%2e/sub/${secret}/write`,
      `/sub//${secret}/write`,
      `/sub/${secret}//write`,
      `/sub/${secret}/./write`,
      `/sub/${secret}/../${secret}/write`,
      `/sub/${secret}/%2e%2e/%2E%2E/kapacitor/v1/config`,
      `/sub/${secret}/..`,
      `/sub/${secret}%2fwrite`,
      `/sub%2F${secret}/write`,
      `/sub/${secret}\\write`,
      `/sub/${secret}/write%00`,
      `/sub/${secret}/write#x`,
    ]) {
      const response = await refused(gate(), { status: 400 }, 'POST', `${path}?db=a`);
      expect(response.header('location')).toBeUndefined();
    }
  });

  test('suffers no credential beside it, its own neither', async () => {
    const own = Buffer.from(`~subscriber:${secretOf(gate())}`).toString('base64');
    const two = 'the path of a subscription is its credential: send no other beside it';
    for (const header of [
      as('admin'),
      `Authorization: Basic ${own}`,
      'Authorization: Bearer x',
      'Authorization: x',
    ]) {
      const target = pathOf(gate(), '/write?db=a');
      await refused(gate(), { status: 401, message: two }, 'POST', target, [header]);
      await refused(gate(), { status: 401, message: two }, 'GET', '/sub', [header]);
    }
    for (const query of [
      'u=admin&p=pw-admin',
      `u=~subscriber&p=${secretOf(gate())}`,
      'u=x',
      'p=',
    ]) {
      const target = pathOf(gate(), `/write?db=a&${query}`);
      await refused(gate(), { status: 401, message: two }, 'POST', target);
    }
  });

  test('nobody gets past the area with other credentials', async () => {
    for (const path of ['/sub', '/sub/', '/sub/x', '/SUB', '/sub/x/write?db=a', '/sub/x/ping'])
      for (const method of ['GET', 'HEAD', 'POST', 'DELETE'])
        await refused(gate(), { status: 401 }, method, path, [as('admin')]);
  });

  test('OPTIONS is answered as everywhere', async () => {
    await refused(gate(), { status: 200 }, 'OPTIONS', pathOf(gate(), '/write'));
    await refused(gate(), { status: 200 }, 'OPTIONS', '/sub/x/write');
  });

  test('headers that repeat the secret are not passed on', async () => {
    const target = pathOf(gate(), '/write?db=a');
    await send(gate(), 'POST', target, [
      `Referer: http://kapgate${target}`,
      `X-Original-URI: ${target}`,
      `X-Forwarded-Uri: ${target}`,
      'X-Forwarded-User: admin',
    ]);
    expect(upstream.requests).toHaveLength(1);
    expect(JSON.stringify(upstream.requests[0]?.headers)).not.toContain(secretOf(gate()));
  });

  test('a body is not asked for before the secret is known', async () => {
    const connection = await openRawConnection(gate().port);
    try {
      const head = ['Expect: 100-continue', 'Content-Length: 9'];
      connection.send(requestText('POST', '/sub/x/write?db=a', head));
      expect((await connection.receive('POST')).status).toBe(401);
    } finally {
      connection.destroy();
    }
    const other = await openRawConnection(gate().port);
    try {
      const head = ['Expect: 100-continue', `Content-Length: ${POINT.length}`];
      other.send(requestText('POST', pathOf(gate(), '/write?db=a'), head));
      expect((await other.receive('POST')).status).toBe(100);
      other.send(POINT);
      expect((await other.receive('POST')).status).toBe(204);
    } finally {
      other.destroy();
    }
  });
});

function privilegeOf(method: string): string {
  return method === 'GET' ? 'read' : method === 'DELETE' ? 'delete' : 'write';
}

describe('a free ping', () => {
  test('is not free below /sub: a wrong secret is told', async () => {
    await refused(freePing, { status: 401, message: UNKNOWN }, 'GET', '/sub/x/ping');
    expect((await send(freePing, 'GET', pathOf(freePing, '/ping'))).status).toBe(204);
  });
});

describe('the same secret as a token', () => {
  const basic = (token: string): string =>
    `Authorization: Basic ${Buffer.from(`~subscriber:${token}`).toString('base64')}`;

  test('of ~subscriber over Basic, and in u and p', async () => {
    const byHeader = await send(closed, 'POST', '/write?db=a', [basic(secretOf(closed))]);
    const query = `u=~subscriber&p=${secretOf(closed)}`;
    const byQuery = await send(closed, 'POST', `/kapacitor/v1/write?db=a&${query}`);
    expect([byHeader.status, byQuery.status]).toEqual([204, 204]);
    expect(upstream.requests).toMatchObject([
      { target: '/write?db=a' },
      { target: '/kapacitor/v1/write?db=a' },
    ]);
    expect(upstream.requests.map((each) => headerOf(each, 'x-forwarded-user'))).toEqual([
      '~subscriber%3Ainflux',
      '~subscriber%3Ainflux',
    ]);
  });

  test('is limited in the same way', async () => {
    const header = [basic(secretOf(closed, 'limited'))];
    await refused(closed, { status: 403 }, 'POST', '/write?db=other', header);
    await refused(closed, { status: 403 }, 'GET', '/kapacitor/v1/tasks', header);
    await refused(closed, { status: 403 }, 'GET', '/kapacitor/v1/users', header);
    await refused(
      closed,
      { status: 403 },
      'POST',
      '/kapacitor/v1preview/write?db=telegraf',
      header,
    );
    await refused(
      closed,
      { status: 403 },
      'PATCH',
      '/kapacitor/v1/users/~subscriber:limited',
      header,
    );
  });

  test('a wrong one is refused in Kapacitor’s words', async () => {
    const want = { status: 401, message: UNKNOWN };
    await refused(closed, want, 'POST', '/write?db=a', [basic('x')]);
    await refused(closed, want, 'POST', '/write?db=a&u=~subscriber&p=x');
    await refused(
      closed,
      { status: 401, message: 'token must be a valid username: ""' },
      ...(['POST', '/write?db=a', [basic('')]] as const),
    );
  });

  test('bare writes are refused, counted, and told of once a minute', async () => {
    let nowMs = 1_000_000_000;
    const gateway = await openGateway({ upstream: upstream.url, now: () => nowMs });
    const told = (): readonly unknown[] =>
      gateway.lines
        .filter(({ level, message }) => level === 'warn' && message.includes('subscriptions add'))
        .map(({ fields }) => fields);
    try {
      const write = async (): Promise<void> => {
        await refused(gateway, { status: 401 }, 'POST', '/write?db=a', [
          'User-Agent: InfluxDBClient',
        ]);
      };
      const first = { writes: 1, host: '127.0.0.1', 'user-agent': 'InfluxDBClient' };
      await write();
      await eventually('the first is told of at once', () => told().length === 1);
      for (let each = 0; each < 5; each++) await write();
      // Not theirs: it has credentials, or is no write.
      await refused(gateway, { status: 401 }, 'POST', '/write?db=a', [basic('x')]);
      await refused(gateway, { status: 401 }, 'GET', '/kapacitor/v1/tasks');
      nowMs += 60_000;
      await write();
      await eventually('those of the next minute', () => told().length === 2);
      expect(told()).toEqual([first, { ...first, writes: 6 }]);
    } finally {
      await gateway.stop();
    }
  });

  test('a refused one is no failed login: nobody is banned who writes with an old secret', async () => {
    await refused(closed, { status: 401 }, 'POST', '/sub/x/write?db=a');
    await refused(closed, { status: 401 }, 'POST', '/write?db=a', [basic('x')]);
    await eventually(
      'their access lines',
      () => closed.accesses.filter(({ status }) => status === 401).length > 0,
    );
    expect(closed.lines.filter(({ message }) => message === 'login failed')).toEqual([]);
  });
});

describe('a rehearsal', () => {
  test('lets a wrong secret write, and says what would have been; all else below /sub stays closed', async () => {
    const gateway = await openGateway({
      upstream: upstream.url,
      subscriptions: SUBSCRIPTIONS,
      env: { KAPGATE_AUTH_OBSERVE: 'true' },
    });
    try {
      const secret = secretOf(gateway);
      expect((await send(gateway, 'POST', '/sub/x/write?db=a')).status).toBe(204);
      expect((await send(gateway, 'POST', `/sub/${secret}/write?db=a`)).status).toBe(204);
      expect((await send(gateway, 'GET', '/sub/x/ping')).status).toBe(204);
      expect(upstream.requests.map(({ target }) => target)).toEqual([
        '/write?db=a',
        '/write?db=a',
        '/kapacitor/v1/ping',
      ]);
      expect(upstream.requests.map((each) => headerOf(each, 'x-forwarded-user'))).toEqual([
        undefined,
        '~subscriber%3Ainflux',
        undefined,
      ]);
      upstream.clear();
      for (const path of ['/sub/x/y', `/sub/${secret}`, '/sub', '/SUB/x/write'])
        await refused(gateway, { status: 404 }, 'GET', path, [as('admin')]);
      await eventually('the lines', () => gateway.accesses.length >= 7);
      expect(JSON.stringify(gateway.lines)).not.toContain(secret);
      expect(gateway.accesses[0]).toMatchObject({ path: '/sub/[redacted]/write', status: 204 });
      expect(JSON.stringify(gateway.accesses[0])).toMatch(/401/);
    } finally {
      await gateway.stop();
    }
  });
});
