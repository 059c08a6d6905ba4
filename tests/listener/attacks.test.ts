import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordedRequest, RecordingUpstream } from '../support/recording-upstream.ts';
import {
  BROKEN_CHUNKS,
  SECOND,
  bodyForms,
  chunkedHead,
  head,
  refusedForms,
} from '../support/smuggling.ts';

let upstream: RecordingUpstream;
let gateway: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream((_, response) => {
    response.writeHead(200, { 'Content-Type': 'text/plain' }).end('from upstream');
  });
  gateway = await openGateway({ upstream: upstream.url });
});

afterEach(() => upstream.clear());

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

const GET = 'GET /kapacitor/v1/tasks HTTP/1.1';
const POST = 'POST /kapacitor/v1/tasks HTTP/1.1';

/** The names and values that reached the upstream, names in lower case. */
function sentUpstream(name: string, request: RecordedRequest | undefined): readonly string[] {
  return (request?.headers ?? [])
    .filter(([each]) => each.toLowerCase() === name)
    .map(([, value]) => value);
}

async function refused(bytes: string, status: number): Promise<RawResponse> {
  const response = await exchange(gateway.port, bytes);
  expect({ status: response.status, upstream: upstream.requests.length }).toEqual({
    status,
    upstream: 0,
  });
  return response;
}

describe('what can be framed or attributed in two ways is refused', () => {
  for (const { name, bytes, status } of refusedForms()) {
    test(name, async () => {
      const response = await refused(bytes, status);
      expect(JSON.parse(response.body.toString())).toEqual({
        error: expect.any(String),
        message: expect.any(String),
      });
    });
  }
});

describe('a body is never a second request', () => {
  for (const { name, bytes, ...want } of bodyForms()) {
    test(name, async () => {
      const connection = await openRawConnection(gateway.port);
      connection.send(bytes);
      const { status } = await connection.receive(bytes.split(' ', 1)[0]);
      await sleep(60);
      connection.destroy();
      const { requests } = upstream;
      expect({ status, upstream: requests.length }).toEqual(want);
      expect(requests.filter(({ target }) => target.includes('smuggled'))).toEqual([]);
      for (const request of requests) expect(request.body.toString()).toBe(SECOND);
    });
  }

  test('a second Authorization behind more than 1,000 headers is seen', async () => {
    const many = Array.from({ length: 1500 }, (_, index) => `x${index}: y`);
    await refused(head(GET, 'Host: x', as('ann'), ...many, as('admin')), 400);
  });

  for (const [name, body] of BROKEN_CHUNKS) {
    test(`${name} ends the connection, and upstream no request is whole`, async () => {
      const connection = await openRawConnection(gateway.port);
      connection.send(chunkedHead());
      await sleep(20);
      connection.send(`${body}${SECOND}`);
      await connection.ended();
      await sleep(50);
      expect(upstream.requests.filter(({ state }) => state === 'complete')).toEqual([]);
    });
  }
});

describe('behind an answer that ends the connection nothing is begun', () => {
  const behind = head('DELETE /kapacitor/v1/tasks/behind HTTP/1.1', 'Host: x', as('admin'));

  function ends(name: string, bytes: string, want: { status: number; upstream: number }): void {
    test(name, async () => {
      const before = gateway.accesses.length;
      const connection = await openRawConnection(gateway.port);
      connection.send(`${bytes}${behind}`);
      const response = await connection.receive();
      expect(response.header('connection')).toBe('close');
      await connection.ended();
      await eventually('it is logged', () => gateway.accesses.length > before);
      await sleep(50);
      expect({ status: response.status, upstream: upstream.requests.length }).toEqual(want);
      // Bytes that are no request have a line without a method.
      const begun = gateway.accesses.slice(before).filter(({ method }) => method !== '-');
      expect(begun).toHaveLength(1);
      expect(upstream.requests.filter(({ target }) => target.includes('behind'))).toEqual([]);
    });
  }
  const hosts = ['Host: a', 'Host: b', as('admin')];

  ends('two Host', head(GET, ...hosts), { status: 400, upstream: 0 });
  ends('two Host and a body', `${head(POST, ...hosts, 'Content-Length: 7')}\r\n fa\n:`, {
    status: 400,
    upstream: 0,
  });
  ends(
    'two Host and a chunked body',
    `${head(POST, ...hosts, 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    {
      status: 400,
      upstream: 0,
    },
  );
  ends('an unknown expectation before two Host', head(GET, 'Expect: 200-ok', ...hosts), {
    status: 417,
    upstream: 0,
  });
  ends('a client that asked for the end', head(GET, 'Host: x', as('admin'), 'Connection: close'), {
    status: 200,
    upstream: 1,
  });
  ends('a refused one that asked for the end', head(GET, 'Host: x', 'Connection: close'), {
    status: 401,
    upstream: 0,
  });
});

describe('what a client says of itself or of its way does not go upstream', () => {
  async function sent(...headers: readonly string[]): Promise<RecordedRequest | undefined> {
    const response = await exchange(
      gateway.port,
      head(GET, 'Host: client.example', as('ann'), ...headers),
    );
    expect(response.status).toBe(200);
    expect(upstream.requests.length).toBe(1);
    return upstream.requests[0];
  }

  test('exactly these headers arrive for a plain request', async () => {
    const request = await sent('Request-Id: abc', 'User-Agent: curl/8', 'Cookie: a=b');
    expect(request?.headers).toEqual([
      ['host', upstream.url.slice('http://'.length)],
      ['connection', 'keep-alive'],
      ['User-Agent', 'curl/8'],
      ['Cookie', 'a=b'],
      ['X-Forwarded-For', '127.0.0.1'],
      ['X-Forwarded-Proto', 'http'],
      ['X-Forwarded-Host', 'client.example'],
      ['X-Forwarded-User', 'ann'],
      ['Request-Id', 'abc'],
    ]);
  });

  const LIES = [
    ...['X-Forwarded-User', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto'],
    ...['X-Forwarded-Prefix', 'X-Forwarded-Uri', 'X-Forwarded-Email', 'X-Forwarded-Access-Token'],
    ...['Remote-User', 'X-Remote-User', 'X-Remote-Group', 'Remote-Groups', 'X-WEBAUTH-USER'],
    ...['X-Kapacitor-User', 'X-Auth-Request-User', 'X-Auth-Request-Preferred-Username', 'X-User'],
    ...['Proxy-Authorization', 'Origin', 'Forwarded', 'X-Real-IP', 'X-HTTP-Method-Override'],
    ...['X-Original-URL', 'X-Rewrite-URL', 'Keep-Alive', 'TE', 'Proxy-Connection'],
  ];
  const spellings = (name: string): readonly string[] => [
    name,
    name.toUpperCase(),
    name.replaceAll('-', '_'),
    name.replaceAll('-', '.'),
    name.replace('-', '_'),
  ];

  for (const name of LIES) {
    test(`${name}, in any spelling`, async () => {
      const request = await sent(...spellings(name).map((each) => `${each}: a-lie`));
      expect(request?.headers.filter(([, value]) => value.includes('a-lie'))).toEqual([]);
    });
  }

  for (const alias of [
    'Content_Length: 5',
    'Content.Length: 5',
    'Transfer_Encoding: chunked',
    'Transfer.Encoding: chunked',
    'Authorization.: x',
    'Request_Id: zzz',
    'Connection_: x',
  ]) {
    test(`the alias ${alias}`, async () => {
      const request = await sent(alias);
      const name = alias.split(':')[0]?.toLowerCase() ?? '';
      const isOurs = !/_$|\.$/.test(name);
      expect(sentUpstream(name, request).length).toBe(isOurs ? 0 : 1);
      expect(sentUpstream('content-length', request)).toEqual([]);
      expect(sentUpstream('transfer-encoding', request)).toEqual([]);
    });
  }

  test('Connection cannot take our headers away, nor the framing', async () => {
    const response = await exchange(
      gateway.port,
      `${head(
        POST,
        'Host: x',
        as('ann'),
        'Request-Id: mine',
        'X-Own: 1',
        'Connection: X-Forwarded-For, X-Forwarded-User, Request-Id, Content-Length, Authorization, X-Own',
        'Content-Length: 2',
      )}{}`,
    );
    expect(response.status).toBe(200);
    const [request] = upstream.requests;
    expect(sentUpstream('x-forwarded-for', request)).toEqual(['127.0.0.1']);
    expect(sentUpstream('x-forwarded-user', request)).toEqual(['ann']);
    expect(sentUpstream('request-id', request)).toEqual(['mine']);
    expect(sentUpstream('content-length', request)).toEqual(['2']);
    expect(sentUpstream('x-own', request)).toEqual([]);
    expect(sentUpstream('authorization', request)).toEqual([]);
    expect(request?.body.toString()).toBe('{}');
  });

  test('Connection cannot have a chunked body sent unframed', async () => {
    await exchange(
      gateway.port,
      `${head(POST, 'Host: x', as('ann'), 'Connection: Transfer-Encoding', 'Transfer-Encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`,
    );
    expect(upstream.requests.map(({ body, state }) => [body.toString(), state])).toEqual([
      ['{}', 'complete'],
    ]);
  });

  test('headers named like parts of every object', async () => {
    const request = await sent(
      '__proto__: x',
      'constructor: y',
      'hasOwnProperty: z',
      'toString: t',
    );
    expect(sentUpstream('__proto__', request)).toEqual(['x']);
    expect(sentUpstream('constructor', request)).toEqual(['y']);
  });

  test('an override of the method changes neither what is judged nor what is sent', async () => {
    const override = ['X-HTTP-Method-Override: GET', 'X-Method-Override: GET'];
    const line = 'DELETE /kapacitor/v1/tasks/a HTTP/1.1';
    await refused(head(line, 'Host: x', as('reader'), ...override), 403);
    await exchange(gateway.port, head(line, 'Host: x', as('ann'), ...override));
    expect(upstream.requests.map(({ method }) => method)).toEqual(['DELETE']);
  });

  for (const upgrade of ['websocket', 'h2c', 'TLS/1.0']) {
    test(`Upgrade: ${upgrade} is not honoured, and nothing is taken behind it`, async () => {
      const connection = await openRawConnection(gateway.port);
      connection.send(
        head(
          GET,
          'Host: x',
          as('ann'),
          'Connection: Upgrade, HTTP2-Settings',
          `Upgrade: ${upgrade}`,
          'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA',
          'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        ) + SECOND,
      );
      const response = await connection.receive();
      expect([response.status, response.header('connection')]).toEqual([200, 'close']);
      await connection.ended();
      connection.destroy();
      expect(upstream.requests.length).toBe(1);
      for (const name of ['upgrade', 'http2-settings']) {
        expect(sentUpstream(name, upstream.requests[0])).toEqual([]);
      }
    });
  }

  test('bytes past ASCII in a header arrive as they were', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send(Buffer.from(head(GET, 'Host: x', as('ann'), 'X-Text: \xe9\xff'), 'latin1'));
    await connection.receive();
    connection.destroy();
    expect(sentUpstream('x-text', upstream.requests[0])).toEqual(['\xe9\xff']);
  });

  test('a Request-Id that is none is replaced, also in the answer', async () => {
    for (const id of ['', 'a b', 'x'.repeat(129), 'a"b', '<script>']) {
      upstream.clear();
      const response = await exchange(
        gateway.port,
        head(GET, 'Host: x', as('ann'), `Request-Id: ${id}`),
      );
      const [got] = sentUpstream('request-id', upstream.requests[0]);
      expect(got).toMatch(/^[0-9a-f-]{36}$/);
      expect(response.header('request-id')).toBe(got);
    }
  });
});

describe('pipelined requests', () => {
  test('one without credentials is refused behind one with them, and the order is kept', async () => {
    const connection = await openRawConnection(gateway.port);
    upstream.answerBy(async (recorded, response) => {
      await sleep(50);
      response.end(recorded.target);
    });
    connection.send(
      head('GET /kapacitor/v1/tasks/1 HTTP/1.1', 'Host: x', as('ann')) +
        head('GET /kapacitor/v1/tasks/2 HTTP/1.1', 'Host: x') +
        head('GET /kapacitor/v1/tasks/3 HTTP/1.1', 'Host: x', as('ann')),
    );
    const answers = [
      await connection.receive(),
      await connection.receive(),
      await connection.receive(),
    ];
    connection.destroy();
    expect(answers.map(({ status }) => status)).toEqual([200, 401, 200]);
    expect(answers[0]?.body.toString()).toBe('/kapacitor/v1/tasks/1');
    expect(answers[2]?.body.toString()).toBe('/kapacitor/v1/tasks/3');
    upstream.answerBy((_, response) => void response.end());
  });

  test('refusals, redirects and OPTIONS keep the connection', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send(
      head('GET //x HTTP/1.1', 'Host: x') +
        head('OPTIONS /kapacitor/v1/tasks HTTP/1.1', 'Host: x') +
        head('GET /kapacitor/v1/%zz HTTP/1.1', 'Host: x') +
        head('TRACE /kapacitor/v1/tasks HTTP/1.1', 'Host: x') +
        head(GET, 'Host: x') +
        head(GET, 'Host: x', as('ann')),
    );
    const statuses: number[] = [];
    for (let index = 0; index < 6; index++) statuses.push((await connection.receive()).status);
    connection.destroy();
    expect(statuses).toEqual([301, 200, 400, 404, 401, 200]);
  });

  test('a second one is not begun before the first is answered, and never when the client leaves', async () => {
    let isCut = false;
    upstream.answerBy((_, response) => {
      response.flushHeaders();
      response.once('close', () => {
        isCut = true;
      });
    });
    const connection = await openRawConnection(gateway.port);
    connection.send(
      head(GET, 'Host: x', as('ann')) + head(POST, 'Host: x', as('ann'), 'Content-Length: 0'),
    );
    await eventually('the first is at the upstream', () => upstream.requests.length === 1);
    await sleep(50);
    connection.destroy();
    await eventually('the upstream is rid of it', () => isCut);
    await sleep(50);
    expect(upstream.requests.map(({ method }) => method)).toEqual(['GET']);
    upstream.answerBy((_, response) => void response.end());
  });

  test('a flood of them ends the connection', async () => {
    upstream.answerBy((_, response) => {
      response.flushHeaders();
    });
    const connection = await openRawConnection(gateway.port);
    connection.send(head(GET, 'Host: x', as('ann')).repeat(10_000));
    await connection.ended();
    upstream.answerBy((_, response) => void response.end());
    expect(upstream.requests.length).toBeLessThanOrEqual(1);
  });
});

describe('a connection that is no good', () => {
  test('a CONNECT whose client resets leaves the gateway alive', async () => {
    for (let index = 0; index < 5; index++) {
      const connection = await openRawConnection(gateway.port);
      connection.send(head('CONNECT x:80 HTTP/1.1', 'Host: x'));
      connection.socket.resetAndDestroy();
    }
    const answered = await openRawConnection(gateway.port);
    answered.send(head('CONNECT x:80 HTTP/1.1', 'Host: x'));
    expect((await answered.receive()).status).toBe(404);
    answered.socket.resetAndDestroy();
    await sleep(100);
    expect((await exchange(gateway.port, head(GET, 'Host: x', as('ann')))).status).toBe(200);
  });

  test('CONNECT and what cannot be parsed are followed by the end of the connection', async () => {
    for (const bytes of [head('CONNECT x:80 HTTP/1.1', 'Host: x'), 'garbage\r\n\r\n']) {
      const connection = await openRawConnection(gateway.port);
      connection.send(bytes);
      await connection.receive();
      await connection.ended();
      connection.destroy();
    }
  });

  test('a CONNECT leaves a line in the access log', async () => {
    const before = gateway.accesses.length;
    await exchange(gateway.port, head('CONNECT x:80 HTTP/1.1', 'Host: x'));
    const accesses = await gateway.accessed(before + 1);
    expect(accesses.slice(before)).toMatchObject([{ method: 'CONNECT', status: 404 }]);
  });

  test('the answer to a CONNECT is never taken for that to the request before it', async () => {
    upstream.answerBy(async (_, response) => {
      await sleep(50);
      response.end();
    });
    const connection = await openRawConnection(gateway.port);
    connection.send(head(GET, 'Host: x', as('ann')) + head('CONNECT x:80 HTTP/1.1', 'Host: x'));
    const statuses = [(await connection.receive()).status, (await connection.receive()).status];
    expect(statuses).toEqual([200, 404]);
    await connection.ended();
    upstream.answerBy((_, response) => void response.end());
  });

  test('clients that leave at any moment of a request do no harm', async () => {
    const whole = `${head(POST, 'Host: x', as('ann'), 'Content-Length: 5')}hello`;
    for (let cut = 1; cut < whole.length; cut += 17) {
      const connection = await openRawConnection(gateway.port);
      connection.send(whole.slice(0, cut));
      if (cut % 2 === 0) connection.socket.resetAndDestroy();
      else connection.destroy();
    }
    await sleep(50);
    expect((await exchange(gateway.port, head(GET, 'Host: x', as('ann')))).status).toBe(200);
  });
});
