import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import type { RawBehaviour, RawUpstream } from '../support/raw-upstream.ts';

const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
const TASKS = '/kapacitor/v1/tasks';

let upstream: RawUpstream | undefined;
let gateway: OpenGateway | undefined;

expectNoAccidents();

afterEach(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

async function open(behaviour: RawBehaviour, env: Record<string, string> = {}): Promise<number> {
  upstream = await startRawUpstream(behaviour);
  gateway = await openGateway({
    upstream: upstream.url,
    env: { KAPGATE_UPSTREAM_MAX_CONNECTIONS: '1', ...env },
  });
  return gateway.port;
}

function get(port: number): Promise<RawResponse> {
  return exchange(port, requestText('GET', TASKS, [as('ann')]));
}

function write(port: number): Promise<RawResponse> {
  return exchange(port, requestText('POST', '/write?db=d', [as('ann')], 'm v=1'));
}

function expectFault(response: RawResponse, status: number): void {
  expect(response.status).toBe(status);
  const body = JSON.parse(response.body.toString()) as { error: string; message: string };
  expect(body.error).toMatch(/^Kapacitor /);
  expect(body.message).toBe(body.error);
}

describe('an upstream that does not answer as it should', () => {
  test('where it cannot be reached the answer is 502, a write too, and the next one asks again', async () => {
    gateway = await openGateway({ upstream: `http://127.0.0.1:${await findFreePort()}` });
    expectFault(await get(gateway.port), 502);
    expectFault(await write(gateway.port), 502);
    expectFault(await get(gateway.port), 502);
  });

  const broken: Readonly<Record<string, RawBehaviour>> = {
    'a reset': (socket) => socket.resetAndDestroy(),
    'an end': (socket) => socket.end(),
    'half a head': (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Le'),
    garbage: (socket) => socket.end('this is no HTTP\r\n\r\n'),
    'another protocol version': (socket) =>
      socket.end('HTTP/3.7 200 OK\r\nContent-Length: 0\r\n\r\n'),
    'two lengths': (socket) =>
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\ngood!'),
    'a length beside a coding': (socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      ),
    'a header of 300 KB': (socket) =>
      socket.end(`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(300_000)}\r\nContent-Length: 0\r\n\r\n`),
    'a switch of protocols': (socket) =>
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n'),
    'a 100 that nobody asked for': (socket) => socket.write('HTTP/1.1 100 Continue\r\n\r\n'),
    'a control character in a header': (socket) =>
      socket.write('HTTP/1.1 200 OK\r\nX-A: a\x01b\r\nContent-Length: 4\r\n\r\ngood'),
  };

  for (const [name, behaviour] of Object.entries(broken)) {
    test(`${name} is a 502, and does not spoil the next request`, async () => {
      const port = await open((socket, requests, connection) => {
        if (connection === 1) behaviour(socket, requests, connection);
        else if (connection === 2) behaviour(socket, requests, connection);
        else socket.write(GOOD);
      });
      expectFault(await get(port), 502);
      expectFault(await write(port), 502);
      const third = await get(port);
      expect([third.status, third.body.toString()]).toEqual([200, 'good']);
      expect(upstream?.connections).toBe(3);
    });
  }

  test('no head within response-timeout is a 504, and does not spoil the next request', async () => {
    let isGivenUp = false;
    const port = await open(
      (socket, _, connection) => {
        if (connection > 1) socket.write(GOOD);
        else socket.once('close', () => (isGivenUp = true));
      },
      { KAPGATE_UPSTREAM_RESPONSE_TIMEOUT: '1s' },
    );
    expectFault(await write(port), 504);
    expect((await get(port)).status).toBe(200);
    await eventually('the write is given up', () => isGivenUp);
  });

  test('a flood of interim answers is none', async () => {
    const port = await open(
      (socket, _, connection) => {
        if (connection > 1) {
          socket.write(GOOD);
          return;
        }
        const flood = setInterval(() => {
          socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(10));
        }, 20);
        socket.once('close', () => {
          clearInterval(flood);
        });
      },
      { KAPGATE_UPSTREAM_RESPONSE_TIMEOUT: '1s' },
    );
    expectFault(await get(port), 504);
    expect((await get(port)).status).toBe(200);
  });

  test('interim answers before the final one are left out', async () => {
    const port = await open((socket) =>
      socket.write(
        `HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${GOOD}`,
      ),
    );
    const connection = await openRawConnection(port);
    connection.send(requestText('GET', TASKS, [as('ann')]));
    expect((await connection.receive()).status).toBe(200);
    connection.destroy();
  });

  test('bytes behind an answer are no answer to the next request', async () => {
    const port = await open((socket, _, connection) => {
      if (connection > 1) socket.write(GOOD);
      else
        socket.write(
          'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirstHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
        );
    });
    expect((await get(port)).body.toString()).toBe('first');
    const next = await get(port);
    expect([next.status, next.body.toString()]).toEqual([200, 'good']);
  });

  test('an odd reason phrase, an unknown status and a head without headers pass', async () => {
    const port = await open((socket) => socket.end('HTTP/1.1 299 Odd \xe9 Phrase\r\n\r\nbody'));
    const response = await get(port);
    expect([response.status, response.body.toString()]).toEqual([299, 'body']);
  });
});

describe('an answer that breaks off is never one that looks whole', () => {
  const bodies: Readonly<Record<string, string>> = {
    'of known length': 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart',
    chunked: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n',
    'chunked, within a chunk': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\npart',
  };
  for (const [name, bytes] of Object.entries(bodies)) {
    for (const version of ['1.1', '1.0']) {
      test(`${name}, to a client of HTTP/${version}`, async () => {
        const port = await open((socket) => {
          socket.write(bytes);
          setTimeout(() => socket.destroy(), 30);
        });
        const connection = await openRawConnection(port);
        let wasReset = false;
        connection.socket.on('error', () => {
          wasReset = true;
        });
        connection.send(
          requestText('GET', TASKS, [as('ann')]).replace('HTTP/1.1', `HTTP/${version}`),
        );
        await connection.ended();
        await sleep(20);
        const text = connection.pending.toString();
        expect(text).toMatch(/\r\n\r\n/);
        const framed = /Content-Length: 100|Transfer-Encoding: chunked/i.test(text);
        expect(text).not.toContain('\r\n0\r\n');
        expect(framed || wasReset).toBe(true);
      });
    }
  }

  test('a broken chunk ends it as well', async () => {
    const port = await open((socket) => {
      socket.write(bodies['chunked'] ?? '');
      setTimeout(() => socket.write('zz\r\n'), 30);
    });
    const connection = await openRawConnection(port);
    connection.send(requestText('GET', TASKS, [as('ann')]));
    await connection.ended();
    expect(connection.pending.toString()).toMatch(/part\r\n$/);
  });

  test('it is told in the log as the upstream’s fault', async () => {
    const port = await open((socket) => socket.end(bodies['of known length'] ?? ''));
    const connection = await openRawConnection(port);
    connection.send(requestText('GET', TASKS, [as('ann')]));
    await connection.ended();
    await eventually('it is told', () =>
      (gateway?.lines ?? []).some(
        ({ level, message }) => level === 'warn' && message === 'Kapacitor broke off its answer',
      ),
    );
  });
});

describe('a kept connection that the upstream closes under a request', () => {
  /** The second request on a connection is met by its end; on any other connection all is well. */
  const closing: RawBehaviour = (socket, requests) => {
    if (requests === 1) socket.write(GOOD);
    else socket.resetAndDestroy();
  };

  for (const method of ['GET', 'HEAD', 'DELETE']) {
    test(`${method} is silently sent once more`, async () => {
      const port = await open(closing);
      expect((await get(port)).status).toBe(200);
      const response = await exchange(port, requestText(method, TASKS, [as('ann')]));
      expect(response.status).toBe(200);
      expect(upstream?.connections).toBe(2);
    });
  }

  for (const [name, text] of [
    ['POST', requestText('POST', TASKS, [as('ann')], '{}')],
    ['POST without a body', requestText('POST', TASKS, [as('ann'), 'Content-Length: 0'])],
    ['PATCH', requestText('PATCH', TASKS, [as('ann')], '{}')],
    ['DELETE with a body', requestText('DELETE', TASKS, [as('ann')], '{}')],
    ['GET with a body', requestText('GET', TASKS, [as('ann')], '{}')],
  ] as const) {
    test(`${name} is never`, async () => {
      const port = await open(closing);
      expect((await get(port)).status).toBe(200);
      expectFault(await exchange(port, text), 502);
      expect(upstream?.received.join('').split(text.split('HTTP', 1)[0] ?? '').length).toBe(
        text.startsWith('GET') ? 3 : 2,
      );
    });
  }

  test('a request on a fresh connection is not', async () => {
    const port = await open((socket) => socket.resetAndDestroy());
    expectFault(await get(port), 502);
    expect(upstream?.connections).toBe(1);
  });

  test('a request is sent twice at most', async () => {
    const port = await open((socket, requests, connection) => {
      if (connection === 1 && requests === 1) socket.write(GOOD);
      else socket.resetAndDestroy();
    });
    expect((await get(port)).status).toBe(200);
    expectFault(await get(port), 502);
    expect(upstream?.connections).toBe(2);
  });

  for (const [name, bytes] of [
    ['half an answer', 'HTTP/1.1 200 O'],
    ['garbage', 'garbage\r\n\r\n'],
    ['an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ] as const) {
    test(`one that was met by ${name} is not sent again`, async () => {
      const port = await open((socket, requests) => {
        if (requests === 1) socket.write(GOOD);
        else socket.end(bytes);
      });
      expect((await get(port)).status).toBe(200);
      expectFault(await get(port), 502);
      expect(upstream?.connections).toBe(1);
    });
  }

  test('one that was closed while idle does no harm to a POST', async () => {
    const port = await open((socket, requests) => {
      socket.write(GOOD);
      if (requests === 1) setTimeout(() => socket.destroy(), 20);
    });
    for (let round = 0; round < 5; round++) {
      expect((await exchange(port, requestText('POST', TASKS, [as('ann')], '{}'))).status).toBe(
        200,
      );
      await sleep(60);
    }
  });
});

test('a POST whose answer never comes is the upstream’s fault, not the client’s, once its body is read', async () => {
  const port = await open((socket) => {
    setTimeout(() => socket.resetAndDestroy(), 50);
  });
  for (const body of ['m v=1', 'x'.repeat(300_000)]) {
    expectFault(await exchange(port, requestText('POST', '/write?db=d', [as('ann')], body)), 502);
  }
});
