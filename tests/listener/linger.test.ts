import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClientResponse } from '../../src/kernel/client-response.ts';
import type { Exchange } from '../../src/kernel/exchange.ts';
import { finishResponse } from '../../src/listener/linger.ts';
import type { Listener } from '../../src/listener/server.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { openListener } from '../support/open-listener.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import { startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';

const BIG = 30 * 1024 * 1024;

expectNoAccidents();

describe('an answer to a body that nobody reads', () => {
  let upstream: RecordingUpstream;
  let gateway: OpenGateway;

  beforeEach(async () => {
    upstream = await startRecordingUpstream((_, response) => void response.end('ok'), {
      atHead: true,
    });
    gateway = await openGateway({ upstream: upstream.url });
  });

  afterEach(async () => {
    await gateway.stop();
    await upstream.stop();
  });

  function post(headers: Record<string, string>, path = '/write?db=d'): Promise<string> {
    return new Promise((resolve, reject) => {
      const outgoing = request({
        host: '127.0.0.1',
        port: gateway.port,
        method: 'POST',
        path,
        headers,
        agent: false,
      });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          resolve(`${response.statusCode ?? 0} ${Buffer.concat(chunks).toString()}`);
        });
      });
      outgoing.end(Buffer.alloc(BIG, 'm v=1\n'));
    });
  }

  test('401 and 403 to 30 MB are read whole by a plain client, every time', async () => {
    for (let round = 0; round < 10; round++) {
      expect(await post({})).toMatch(/^401 \{"error":.*\}$/);
      const reader = { Authorization: as('reader').slice('Authorization: '.length) };
      expect(await post(reader)).toMatch(/^403 \{"error":.*\}$/);
    }
  }, 180_000);

  test('so is a chunked answer that Kapacitor gave before it had the body', async () => {
    upstream.answerBy((_, response) => {
      response.write('half ');
      response.end('whole');
    });
    const ann = { Authorization: as('ann').slice('Authorization: '.length) };
    for (let round = 0; round < 5; round++) expect(await post(ann)).toBe('200 half whole');
  }, 180_000);

  test.each([
    ['a 401', 'POST /write', [], 401],
    ['a redirect, which has no body', 'POST //write', [], 301],
    ['an OPTIONS, which has no body', 'OPTIONS /write', [], 200],
    ['a refused HEAD', 'HEAD /kapacitor/v1/tasks', [], 401],
    ['a chunked answer of Kapacitor', 'POST /write?db=d', [as('ann')], 200],
  ] as const)(
    '%s comes whole while the client goes on sending',
    async (_, line, headers, status) => {
      upstream.answerBy((_recorded, response) => {
        response.write('half ');
        response.end('whole');
      });
      const connection = await openRawConnection(gateway.port);
      const head = [`${line} HTTP/1.1`, 'Host: x', ...headers, 'Content-Length: 1000'].join('\r\n');
      connection.send(`${head}\r\n\r\nx`);
      const response = await connection.receive(line.split(' ', 1)[0]);
      expect([response.status, response.header('connection')]).toEqual([status, 'close']);
      connection.send('y'.repeat(999));
      await connection.ended();
      connection.destroy();
    },
  );

  test('a whole body that was not read does not stop the next request', async () => {
    const connection = await openRawConnection(gateway.port);
    const users = '{"name":"x","password":"y","type":"normal"}'.padEnd(150_000);
    for (const [target, user, status] of [
      ['/kapacitor/v1/tasks', 'ann', 200],
      ['/kapacitor/v1/users', 'admin', 413],
    ] as const) {
      const text = requestText('POST', target, [as(user)], users);
      const [head = '', body = ''] = text.split('\r\n\r\n');
      connection.send(`${head}\r\n\r\n`);
      connection.send(body);
      const response = await connection.receive();
      expect(response.status).toBe(status);
      if (response.header('connection') === 'close') return;
      connection.send(requestText('GET', '/kapacitor/v1/tasks', [as('ann')]));
      expect((await connection.receive()).status).toBe(200);
    }
    connection.destroy();
  });

  test('what was sent behind a refused body is not served', async () => {
    const connection = await openRawConnection(gateway.port);
    connection.send('POST /write HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n');
    expect((await connection.receive()).status).toBe(401);
    connection.send(`hello${requestText('GET', '/kapacitor/v1/tasks', [as('ann')])}`);
    await connection.ended();
    await sleep(30);
    expect(upstream.requests.length).toBe(0);
    connection.destroy();
  });

  test('a client that ends its side with the last byte of a refused body leaves nothing behind', async () => {
    // As much as is read at once: the end of the client is read before the end of our side has left.
    const [size, end] = ['fff3\r\n', '\r\n0\r\n\r\n'];
    const body = `${size}${'x'.repeat(0xfff3)}${end}`;
    expect(body.length).toBe(65_536);
    for (let round = 0; round < 10; round++) {
      const connection = await openRawConnection(gateway.port);
      connection.send('POST /write HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
      expect((await connection.receive()).status).toBe(401);
      connection.send(body);
      connection.end();
      await connection.ended();
    }
    await eventually('all are over', () => gateway.accesses.length === 10);
  });
});

describe('finishResponse', () => {
  const LIMITS = { maxBytes: 100_000, maxMs: 300, halfClosedMs: 100 };
  let listener: Listener | undefined;

  afterEach(() => listener?.stop());

  async function open(answer: (exchange: Exchange) => void): Promise<number> {
    const opened = await openListener((exchange) => {
      exchange.response.isLast = true;
      setImmediate(() => {
        answer(exchange);
      });
    });
    listener = opened.listener;
    return opened.port;
  }

  const refuse = ({ request, response }: Exchange, limits = LIMITS): void => {
    response.begin(401, 'Unauthorized', ['Content-Length', '2']);
    response.writeSmall(Buffer.from('no'));
    finishResponse(request, response, limits);
  };
  const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n';

  test('a client that stops sending is left after the time, with its answer', async () => {
    const connection = await openRawConnection(await open(refuse));
    const startedMs = performance.now();
    connection.send(HEAD);
    expect((await connection.receive()).status).toBe(401);
    await connection.ended();
    const tookMs = performance.now() - startedMs;
    // A timer may be early by the rest of a millisecond.
    expect(tookMs).toBeGreaterThan(LIMITS.maxMs - 2);
    expect(tookMs).toBeLessThan(20_000);
  });

  test('one that sends too much is left at the bound: half-closed, then cut', async () => {
    const port = await open((given) => refuse(given, { ...LIMITS, maxMs: 600_000 }));
    const connection = await openRawConnection(port);
    let isDead = false;
    connection.socket.on('error', () => (isDead = true)).on('close', () => (isDead = true));
    connection.send(HEAD);
    expect((await connection.receive()).status).toBe(401);
    connection.send('x'.repeat(90_000));
    await sleep(60);
    expect(connection.socket.readableEnded).toBe(false);
    connection.send('x'.repeat(30_000));
    await connection.ended();
    const pump = setInterval(() => {
      connection.socket.write('x');
    }, 10);
    await eventually('the end', () => isDead);
    clearInterval(pump);
  });

  test('one that leaves while it is drained leaves nothing behind', async () => {
    const responses: ClientResponse[] = [];
    const port = await open((given) => {
      responses.push(given.response);
      refuse(given, { ...LIMITS, maxMs: 600_000 });
    });
    for (const leave of ['destroy', 'reset'] as const) {
      const connection = await openRawConnection(port);
      connection.send(HEAD);
      await connection.receive();
      if (leave === 'destroy') connection.destroy();
      else connection.socket.resetAndDestroy();
    }
    await eventually('both are over', () => responses.every(({ isClosed }) => isClosed));
    expect(responses.length).toBe(2);
  });

  test('a body that has come whole costs the connection nothing', async () => {
    const port = await open((given) => {
      given.response.isLast = false;
      refuse(given);
    });
    const response = await exchange(port, requestText('POST', '/', [], 'all of it'));
    expect([response.status, response.header('connection')]).toEqual([401, 'keep-alive']);
  });
});
