import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { gzipSync } from 'node:zlib';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordedRequest, RecordingUpstream } from '../support/recording-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const OK = answering(200, {}, 'ok');

/** Far from body-idle-timeout. */
const AT_ONCE_MS = 10_000;

let upstream: RecordingUpstream;
let gateway: OpenGateway;

expectNoAccidents();

beforeAll(async () => {
  upstream = await startRecordingUpstream(OK);
  gateway = await openGateway({ upstream: upstream.url });
});

afterEach(() => {
  upstream.clear();
  upstream.answerBy(OK);
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

function header(request: RecordedRequest | undefined, name: string): string | undefined {
  return request?.headers.find(([each]) => each.toLowerCase() === name)?.[1];
}

function text(line: string, headers: readonly string[], body: string | Buffer = ''): Buffer {
  const head = [`${line} HTTP/1.1`, 'Host: x', as('ann'), ...headers].join('\r\n');
  return Buffer.concat([Buffer.from(`${head}\r\n\r\n`), Buffer.from(body)]);
}

const CHUNKS = '2;ext="a"\r\nm \r\n3;x\r\nv=1\r\n0\r\nX-Trailer: t\r\n\r\n';

describe('a request body', () => {
  test('of known length keeps it', async () => {
    await exchange(gateway.port, text('POST /write?db=d', ['Content-Length: 5'], 'm v=1'));
    const [request] = upstream.requests;
    expect(header(request, 'content-length')).toBe('5');
    expect(header(request, 'transfer-encoding')).toBeUndefined();
    expect(request?.body.toString()).toBe('m v=1');
  });

  test('of unknown length arrives chunked, without extensions and trailers', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send(text('POST /write?db=d', ['Transfer-Encoding: chunked', 'Trailer: X-Trailer']));
    await eventually('its head is upstream', () => upstream.requests.length === 1);
    connection.send(CHUNKS);
    expect((await connection.receive()).status).toBe(200);
    connection.destroy();
    const [request] = upstream.requests;
    expect(header(request, 'transfer-encoding')).toBe('chunked');
    expect(header(request, 'content-length')).toBeUndefined();
    expect(header(request, 'trailer')).toBeUndefined();
    expect(request?.body.toString()).toBe('m v=1');
    expect(request?.trailers).toEqual([]);
    expect(upstream.bytesOf(request?.connection ?? 0).toString()).not.toContain('X-Trailer');
  });

  test('of unknown length that has come as a whole says its length', async () => {
    const headers = ['Transfer-Encoding: chunked', 'Trailer: X-Trailer'];
    await exchange(gateway.port, text('POST /write?db=d', headers, CHUNKS));
    const [request] = upstream.requests;
    expect(header(request, 'content-length')).toBe('5');
    expect(header(request, 'transfer-encoding')).toBeUndefined();
    expect(header(request, 'trailer')).toBeUndefined();
    expect(request?.body.toString()).toBe('m v=1');
    expect(upstream.bytesOf(request?.connection ?? 0).toString()).not.toContain('X-Trailer');
  });

  test('that is gzipped arrives byte for byte', async () => {
    const gzipped = gzipSync('m v=1\n'.repeat(10_000));
    await exchange(
      gateway.port,
      text(
        'POST /write?db=d',
        ['Content-Encoding: gzip', `Content-Length: ${gzipped.length}`],
        gzipped,
      ),
    );
    const [request] = upstream.requests;
    expect(header(request, 'content-encoding')).toBe('gzip');
    expect(request?.body.equals(gzipped)).toBe(true);
  });

  test.each([
    ['POST with Content-Length: 0', 'POST', ['Content-Length: 0'], '', '0'],
    ['POST without any', 'POST', [], '', '0'],
    ['an empty chunked POST', 'POST', ['Transfer-Encoding: chunked'], '0\r\n\r\n', '0'],
    ['PATCH with Content-Length: 0', 'PATCH', ['Content-Length: 0'], '', '0'],
    ['DELETE with Content-Length: 0', 'DELETE', ['Content-Length: 0'], '', undefined],
    ['GET with Content-Length: 0', 'GET', ['Content-Length: 0'], '', undefined],
  ] as const)('%s arrives empty', async (_, method, headers, body, length) => {
    const response = await exchange(gateway.port, text(`${method} ${TASKS}`, headers, body));
    expect(response.status).toBe(200);
    const [request] = upstream.requests;
    expect(header(request, 'content-length')).toBe(length);
    expect(header(request, 'transfer-encoding')).toBeUndefined();
    expect(request?.body.length).toBe(0);
    expect(request?.state).toBe('complete');
  });

  test('goes up as it comes, chunk by chunk', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send(text('POST /write?db=d', ['Transfer-Encoding: chunked']));
    for (let count = 1; count <= 3; count++) {
      connection.send('5\r\nm v=1\r\n');
      const want = 5 * count;
      await eventually('the chunk', () => upstream.requests[0]?.body.length === want, 1000);
    }
    connection.send('0\r\n\r\n');
    expect((await connection.receive()).status).toBe(200);
    connection.destroy();
  });

  test('that its client breaks off is broken off upstream at once', async () => {
    for (const leave of ['destroy', 'reset', 'half-close'] as const) {
      upstream.clear();
      const connection = await openRawConnection(gateway.port);
      connection.send(text('POST /write?db=d', ['Content-Length: 100'], 'm v=1'));
      await eventually('its beginning', () => upstream.requests[0]?.body.length === 5);
      if (leave === 'destroy') connection.destroy();
      else if (leave === 'reset') connection.socket.resetAndDestroy();
      else connection.end();
      await eventually('the abort', () => upstream.requests[0]?.state === 'aborted', AT_ONCE_MS);
      connection.destroy();
    }
  });

  test('whose end never comes is not made up', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send(
      text('POST /write?db=d', ['Transfer-Encoding: chunked'], '5\r\nm v=1\r\n0\r\n'),
    );
    await eventually('its beginning', () => upstream.requests[0]?.body.length === 5);
    connection.destroy();
    await eventually('the abort', () => upstream.requests[0]?.state === 'aborted', AT_ONCE_MS);
  });
});

describe('an answer', () => {
  test('arrives as it was sent: status, reason, headers in their case and order, body', async () => {
    upstream.answerBy((_, response) => {
      response.writeHead(207, 'Quite Odd', [
        ...['X-KaPaCiToR-Version', '1.5.9', 'Set-Cookie', 'a=1', 'Set-Cookie', 'b=2'],
        ...['x-lower', '1', 'Content-Encoding', 'gzip', 'Content-Length', '3'],
        ...['Date', 'Thu, 01 Jan 1970 00:00:00 GMT', 'ETag', '"x"'],
      ]);
      response.end('abc');
    });
    const response = await exchange(gateway.port, text(`GET ${TASKS}`, ['Request-Id: r1']));
    expect([response.status, response.reason, response.body.toString()]).toEqual([
      ...[207, 'Quite Odd', 'abc'],
    ]);
    expect(response.headers).toEqual([
      ['X-KaPaCiToR-Version', '1.5.9'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['x-lower', '1'],
      ['Content-Encoding', 'gzip'],
      ['Content-Length', '3'],
      ['Date', 'Thu, 01 Jan 1970 00:00:00 GMT'],
      ['ETag', '"x"'],
      ['Request-Id', 'r1'],
      ['Connection', 'keep-alive'],
      ['Keep-Alive', 'timeout=3600'],
    ]);
    expect(response.isChunked).toBe(false);
  });

  test('loses what belongs to the connection, CORS, and Kapacitor’s own request-id, which is logged', async () => {
    upstream.answerBy((_, response) => {
      response.writeHead(200, [
        ...['Access-Control-Allow-Origin', 'https://evil', 'Access-Control-Max-Age', '1'],
        ...['Connection', 'X-Hop', 'X-Hop', '1', 'Proxy-Authenticate', 'Basic', 'Upgrade', 'x'],
        ...['Request-Id', 'kapacitors', 'Content-Length', '0'],
      ]);
      response.end();
    });
    const response = await exchange(
      gateway.port,
      text(`GET ${TASKS}`, ['Origin: https://evil', 'Request-Id: ours']),
    );
    expect(response.status).toBe(200);
    for (const gone of ['access-control-allow-origin', 'access-control-max-age', 'x-hop']) {
      expect(response.header(gone)).toBeUndefined();
    }
    for (const gone of ['proxy-authenticate', 'upgrade']) {
      expect(response.header(gone)).toBeUndefined();
    }
    expect(response.header('request-id')).toBe('ours');
    await eventually('the access line', () =>
      gateway.accesses.some((line) => line['upstream-request-id'] === 'kapacitors'),
    );
  });

  test('of unknown length arrives chunked, its trailers dropped', async () => {
    upstream.answerBy((_, response) => {
      response.writeHead(200, { Trailer: 'X-T' });
      response.write('one');
      response.addTrailers({ 'X-T': 'secret' });
      response.end('two');
    });
    const response = await exchange(gateway.port, text(`GET ${TASKS}`, []));
    expect(response.isChunked).toBe(true);
    expect(response.body.toString()).toBe('onetwo');
    expect(response.raw.toString()).not.toContain('X-T');
  });

  test('of unknown length to a client of HTTP/1.0 ends with the connection', async () => {
    upstream.answerBy((_, response) => {
      response.write('one');
      response.end('two');
    });
    const response = await exchange(
      gateway.port,
      text(`GET ${TASKS}`, []).toString().replace('HTTP/1.1', 'HTTP/1.0'),
    );
    expect(response.isChunked).toBe(false);
    expect([response.header('connection'), response.body.toString()]).toEqual(['close', 'onetwo']);
  });

  test('to HEAD has its length and no body, and the connection goes on', async () => {
    upstream.answerBy((recorded, response) => {
      response.writeHead(200, { 'Content-Length': '5' });
      response.end(recorded.method === 'HEAD' ? undefined : 'hello');
    });
    const connection = await openRawConnection(gateway.port);
    for (const method of ['HEAD', 'GET', 'HEAD', 'GET']) {
      connection.send(text(`${method} ${TASKS}`, []));
      const response = await connection.receive(method);
      expect(response.header('content-length')).toBe('5');
      expect(response.body.toString()).toBe(method === 'HEAD' ? '' : 'hello');
    }
    connection.destroy();
  });

  test.each([204, 304])(
    '%i has no body and no framing, and the connection goes on',
    async (status) => {
      upstream.answerBy((_, response) => void response.writeHead(status).end());
      const connection = await openRawConnection(gateway.port);
      for (let round = 0; round < 3; round++) {
        connection.send(text(`GET ${TASKS}`, []));
        const response = await connection.receive();
        expect([response.status, response.header('transfer-encoding')]).toEqual([
          status,
          undefined,
        ]);
      }
      expect(connection.pending.length).toBe(0);
      connection.destroy();
    },
  );

  test('is not held back: its head comes at once, and each piece when it was sent', async () => {
    let go: (piece: string) => void = () => undefined;
    upstream.answerBy((_, response) => {
      response.flushHeaders();
      go = (piece) => {
        response.write(piece);
      };
    });
    const connection = await openRawConnection(gateway.port);
    connection.send(text(`GET ${TASKS}`, []));
    await eventually('the head', () => /\r\n\r\n$/.test(connection.pending.toString()));
    for (const piece of ['one', 'two', 'three']) {
      go(piece);
      await eventually(piece, () => connection.pending.toString().includes(piece));
    }
    connection.destroy();
  });

  test('whose client leaves is broken off upstream at once, however it leaves', async () => {
    let isCut = false;
    upstream.answerBy((_, response) => {
      response.write('x');
      response.once('close', () => {
        isCut = true;
      });
    });
    for (const leave of ['destroy', 'reset', 'half-close'] as const) {
      isCut = false;
      const connection = await openRawConnection(gateway.port);
      connection.send(text(`GET ${TASKS}`, []));
      await eventually('the head', () => connection.pending.length > 0);
      if (leave === 'destroy') connection.destroy();
      else if (leave === 'reset') connection.socket.resetAndDestroy();
      else connection.end();
      await eventually(`the abort after ${leave}`, () => isCut, AT_ONCE_MS);
      connection.destroy();
    }
  });
});

describe('Expect: 100-continue', () => {
  const expects = ['Expect: 100-continue', 'Content-Length: 5'];

  async function begin(headers: readonly string[]): Promise<RawConnection> {
    const connection = await openRawConnection(gateway.port);
    connection.send(`POST /write?db=d HTTP/1.1\r\nHost: x\r\n${headers.join('\r\n')}\r\n\r\n`);
    return connection;
  }

  test('is answered with 100 once the upstream is there, then with the answer', async () => {
    const connection = await begin([as('ann'), ...expects]);
    expect((await connection.receive()).status).toBe(100);
    connection.send('m v=1');
    expect((await connection.receive()).status).toBe(200);
    connection.destroy();
    expect(header(upstream.requests[0], 'expect')).toBeUndefined();
    expect(upstream.requests[0]?.body.toString()).toBe('m v=1');
  });

  test.each([
    ['401', [], 401],
    ['403', [as('reader')], 403],
  ] as const)('is refused with %s and never with 100 before', async (_, credentials, status) => {
    const connection = await begin([...credentials, ...expects]);
    expect((await connection.receive()).status).toBe(status);
    connection.send('m v=1');
    await connection.ended();
    expect(connection.pending.length).toBe(0);
    expect(upstream.requests.length).toBe(0);
  });

  test('100 refused ones spoil nothing for a good one on the same pool', async () => {
    for (let round = 0; round < 100; round++) {
      const connection = await begin([as('reader'), ...expects]);
      expect((await connection.receive()).status).toBe(403);
      connection.destroy();
    }
    const before = upstream.connections;
    for (let round = 0; round < 100; round++) {
      const connection = await begin([as('ann'), ...expects]);
      expect((await connection.receive()).status).toBe(100);
      connection.destroy();
    }
    expect(
      (await exchange(gateway.port, requestText('POST', '/write?db=d', [as('ann')], 'm v=1')))
        .status,
    ).toBe(200);
    await eventually('the leases are back', () =>
      upstream.requests.every(({ state }) => state !== 'arriving'),
    );
    expect(upstream.connections - before).toBeLessThanOrEqual(110);
  });

  test('of an HTTP/1.0 client is ignored', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send(
      `POST /write?db=d HTTP/1.0\r\nHost: x\r\n${as('ann')}\r\n${expects.join('\r\n')}\r\n\r\nm v=1`,
    );
    expect((await connection.receive()).status).toBe(200);
    connection.destroy();
  });
});

/** A reset that comes at once behind the request looks to Node like the end of the client's side. */
test('a client that leaves while it is authenticated holds no stream', async () => {
  const fresh = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_AUTH_CACHE_EXPIRATION: '0s' },
  });
  const open = new Set<ServerResponse>();
  upstream.answerBy((_, response) => {
    open.add(response);
    response.once('close', () => open.delete(response)).flushHeaders();
  });
  for (let round = 0; round < 10; round++) {
    const connection = await openRawConnection(fresh.port);
    connection.send(text('GET /kapacitor/v1preview/logs', []));
    connection.socket.resetAndDestroy();
  }
  await sleep(300);
  await eventually('none is open', () => open.size === 0);
  upstream.answerBy(answering(200, {}, 'log'));
  const status = async (): Promise<number> =>
    (await exchange(fresh.port, text('GET /kapacitor/v1preview/logs', []))).status;
  await eventually('there is a place', async () => (await status()) === 200);
  await fresh.stop();
});

test('a loop of aborts in every phase leaks no place in the pool', async () => {
  const small = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_UPSTREAM_MAX_CONNECTIONS: '2' },
  });
  upstream.answerBy((_, response) => {
    response.write('part');
  });
  for (let round = 0; round < 40; round++) {
    const connection = await openRawConnection(small.port);
    connection.send(
      text(
        round % 2 === 0 ? `GET ${TASKS}` : 'POST /write?db=d',
        round % 2 === 0 ? [] : ['Content-Length: 9'],
        '',
      ),
    );
    await sleep(round % 8);
    connection.socket.resetAndDestroy();
  }
  upstream.answerBy(OK);
  for (let round = 0; round < 6; round++) {
    expect((await exchange(small.port, text(`GET ${TASKS}`, []))).status).toBe(200);
    expect(
      (await exchange(small.port, text('POST /write?db=d', ['Content-Length: 1'], 'x'))).status,
    ).toBe(200);
  }
  await small.stop();
});
