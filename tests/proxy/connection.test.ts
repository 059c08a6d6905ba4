import { afterEach, describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { exchange, openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawResponse } from '../support/raw-client.ts';
import { startRawUpstream } from '../support/raw-upstream.ts';
import type { RawBehaviour, RawUpstream } from '../support/raw-upstream.ts';

const TASKS = '/kapacitor/v1/tasks';
const GOOD = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood';
const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';

let upstream: RawUpstream | undefined;
let gateway: OpenGateway | undefined;

expectNoAccidents();

afterEach(async () => {
  await gateway?.stop();
  await upstream?.stop();
});

/** With one connection for each lane: who comes next would use it again. */
async function open(behaviour: RawBehaviour): Promise<number> {
  upstream = await startRawUpstream(behaviour);
  const env = { KAPGATE_UPSTREAM_MAX_CONNECTIONS: '1' };
  gateway = await openGateway({ upstream: upstream.url, env });
  return gateway.port;
}

function send(port: number, method = 'GET', body = ''): Promise<RawResponse> {
  return exchange(port, requestText(method, TASKS, [as('ann')], body));
}

async function read(port: number, method = 'GET', body = ''): Promise<readonly [number, string]> {
  const response = await send(port, method, body);
  return [response.status, response.body.toString()];
}

describe('a connection to the upstream is not used again', () => {
  /** The first connection brings this answer, and all later ones a good one. */
  function after(
    name: string,
    first: string,
    want: readonly [number, string],
    method = 'GET',
  ): void {
    test(`after ${name}`, async () => {
      const port = await open((socket, _, connection) =>
        socket.write(connection === 1 ? first : GOOD),
      );
      expect(await read(port, method)).toEqual(want);
      expect(await read(port)).toEqual([200, 'good']);
      expect(upstream?.connections).toBe(2);
      await eventually('the first is closed', () => upstream?.openConnections === 1);
    });
  }
  after('an answer with Connection: close', GOOD.replace('\r\n', '\r\nConnection: close\r\n'), [
    200,
    'good',
  ]);
  after('an answer of HTTP/1.0', GOOD.replace('1.1', '1.0'), [200, 'good']);
  after(
    'an answer of HTTP/1.0 that says keep-alive',
    GOOD.replace('1.1', '1.0').replace('\r\n', '\r\nConnection: keep-alive\r\n'),
    [200, 'good'],
  );
  after('an answer whose time is over', GOOD.replace('\r\n', '\r\nKeep-Alive: timeout=1\r\n'), [
    200,
    'good',
  ]);
  after('bytes behind an answer', `${GOOD}${EVIL}`, [200, 'good']);
  after('one byte behind an answer', `${GOOD}\n`, [200, 'good']);
  after('a body of a 204', 'HTTP/1.1 204 No Content\r\n\r\nevil', [204, '']);
  after('a body of a 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil', [304, '']);
  after(
    'bytes behind chunks',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nevil',
    [200, ''],
  );
  after('an answer to HEAD', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', [200, ''], 'HEAD');

  test('where a request with a body is none that has one', async () => {
    const port = await open((socket) => socket.write(GOOD));
    expect(await read(port, 'DELETE', '{}')).toEqual([200, 'good']);
    expect(await read(port)).toEqual([200, 'good']);
    expect(upstream?.connections).toBe(2);
  });

  test('and it is used again where none of that is so', async () => {
    const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n';
    const port = await open((socket, requests) =>
      socket.write(requests % 2 === 0 ? chunked : GOOD),
    );
    for (let round = 0; round < 4; round++) {
      expect(await read(port)).toEqual([200, 'good']);
      expect(await read(port, 'POST', '{}')).toEqual([200, 'good']);
    }
    expect(upstream?.connections).toBe(1);
  });
});

describe('an answer that nobody asked for reaches nobody', () => {
  for (const [name, bytes] of [
    ['a whole answer', EVIL],
    ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Le'],
    ['one byte', 'H'],
    ['an interim answer', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ] as const) {
    test(`${name} on an idle connection`, async () => {
      const port = await open((socket, requests, connection) => {
        socket.write(GOOD);
        if (connection === 1 && requests === 1) setTimeout(() => socket.write(bytes), 30);
      });
      expect(await read(port)).toEqual([200, 'good']);
      await eventually('it is closed', () => upstream?.openConnections === 0);
      expect(await read(port, 'POST', '{}')).toEqual([200, 'good']);
      expect(upstream?.connections).toBe(2);
    });
  }

  test('one that comes in the same turn as the next request', async () => {
    const sockets: Socket[] = [];
    const port = await open((socket, _, connection) => {
      sockets[connection] = socket;
      // Else its kernel holds back what comes behind the first answer until the next request acknowledges that.
      socket.setNoDelay(true);
      socket.write(GOOD);
    });
    const client = await openRawConnection(port);
    for (let round = 1; round <= 20; round++) {
      client.send(requestText('GET', TASKS, [as('ann')]));
      // Gateway and upstream are one process here: both have been sent before the gateway reads either, the request first.
      sockets.at(-1)?.write(EVIL);
      expect((await client.receive()).body.toString()).toBe('good');
    }
    client.destroy();
  });
});

describe('what is no answer is a 502', () => {
  function isNone(name: string, behaviour: (socket: Socket) => void): void {
    test(`${name}, and the next request gets its own`, async () => {
      const port = await open((socket, _, connection) => {
        if (connection === 1) behaviour(socket);
        else socket.write(GOOD);
      });
      expect((await send(port)).status).toBe(502);
      expect(await read(port)).toEqual([200, 'good']);
      expect(upstream?.connections).toBe(2);
    });
  }
  function isNoHead(name: string, ...lines: readonly string[]): void {
    isNone(name, (socket) => socket.write(`${lines.join('\r\n')}\r\n\r\ngood`));
  }
  const ok = 'HTTP/1.1 200 OK';
  // Without a line end: it must not be waited for.
  isNone('another protocol', (socket) => socket.write('-ERR unknown command'));
  isNone('a TLS alert', (socket) => socket.write(Buffer.from('15030100020228', 'hex')));
  isNone('a head of bare line feeds', (socket) =>
    socket.write('HTTP/1.1 200 OK\nContent-Length: 4\n\ngood'),
  );
  isNoHead('equal lengths', ok, 'Content-Length: 4', 'Content-Length: 4');
  isNoHead('a list of lengths', ok, 'Content-Length: 4, 4');
  isNoHead('a negative length', ok, 'Content-Length: -4');
  isNoHead('a length past 2^53', ok, 'Content-Length: 9007199254740993');
  isNoHead('a folded header', ok, 'X-A: b', ' Content-Length: 4', 'Content-Length: 4');
  isNoHead('a blank before the colon', ok, 'Content-Length : 4');
  isNoHead('a coding that is not chunked', ok, 'Transfer-Encoding: gzip, chunked');
  isNoHead('two codings', ok, 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked');
  isNoHead('a coding in HTTP/1.0', 'HTTP/1.0 200 OK', 'Transfer-Encoding: chunked');
  isNoHead('a 204 with a length', 'HTTP/1.1 204 No Content', 'Content-Length: 4');
  isNoHead('an interim answer with a length', 'HTTP/1.1 103 X', 'Content-Length: 4');
  isNoHead('a thousand headers and one', ok, ...Array.from({ length: 1_001 }, () => 'X-A: b'));
  isNone('interim answers without end', (socket) => {
    const flood = (): void => {
      while (!socket.destroyed && socket.write('HTTP/1.1 102 P\r\n\r\n'.repeat(1_000)));
      if (!socket.destroyed) socket.once('drain', flood);
    };
    flood();
  });
});

describe('an answer that ends with its connection', () => {
  test('is whole where that ends in order', async () => {
    const port = await open((socket) => socket.end('HTTP/1.1 200 OK\r\n\r\nall of it'));
    expect(await read(port)).toEqual([200, 'all of it']);
  });

  test('is broken off where that is reset', async () => {
    const port = await open((socket) => {
      socket.write('HTTP/1.1 200 OK\r\n\r\npart');
      setTimeout(() => socket.resetAndDestroy(), 50);
    });
    const connection = await openRawConnection(port);
    connection.send(requestText('GET', TASKS, [as('ann')]));
    await connection.ended();
    const text = connection.pending.toString();
    expect(text).toMatch(/part/);
    expect(text).not.toMatch(/\r\n0\r\n/);
    await eventually('the log says so', () =>
      (gateway?.lines ?? []).some(({ message }) => message === 'Kapacitor broke off its answer'),
    );
  });
});

describe('a broken end of chunks cuts the answer', () => {
  const head = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npart\r\n';
  for (const end of [
    '0\r\nno header\r\n\r\n',
    '0\r\n\n',
    '0;\r\n\r\n',
    ' 0\r\n\r\n',
    '0\n\n',
    '-0\r\n\r\n',
  ]) {
    test(JSON.stringify(end), async () => {
      const port = await open((socket, _, connection) => {
        if (connection > 1) {
          socket.write(GOOD);
          return;
        }
        socket.write(head);
        setTimeout(() => socket.write(end), 30);
      });
      const connection = await openRawConnection(port);
      connection.send(requestText('GET', TASKS, [as('ann')]));
      await connection.ended();
      expect(connection.pending.toString()).toMatch(/part\r\n$/);
      expect(await read(port)).toEqual([200, 'good']);
    });
  }
});

describe('an answer before the request was sent', () => {
  test('is passed on, and its connection carries no other', async () => {
    const port = await open((socket) => socket.write(GOOD.replace('200 OK', '413 Too Much')));
    const connection = await openRawConnection(port);
    connection.send(
      `POST ${TASKS} HTTP/1.1\r\nHost: x\r\n${as('ann')}\r\nContent-Length: 1000000\r\n\r\nbegin`,
    );
    expect((await connection.receive()).status).toBe(413);
    await eventually('it is closed upstream', () => upstream?.openConnections === 0);
    connection.destroy();
    expect((await send(port)).status).toBe(413);
    expect(upstream?.connections).toBe(2);
    expect(upstream?.received[1]).toMatch(/^GET /);
  });

  test('of a body that the upstream does not take leaves nothing for the next request', async () => {
    const port = await open((socket, _, connection) => {
      if (connection > 1) {
        socket.write(GOOD);
        return;
      }
      socket.pause();
      setTimeout(() => socket.write(GOOD.replace('200 OK', '413 Too Much')), 200);
    });
    const body = 'x'.repeat(8 * 1024 * 1024);
    const first = await exchange(port, requestText('POST', TASKS, [as('ann')], body));
    expect(first.status).toBe(413);
    expect(await read(port)).toEqual([200, 'good']);
    expect(upstream?.received[1]).toMatch(/^GET /);
  });
});

test('a client that leaves while the connection is opened gives its place back at once', async () => {
  upstream = await startRawUpstream(() => undefined);
  gateway = await openGateway({
    // It never says a word of TLS.
    upstream: upstream.url.replace('http:', 'https:'),
    env: { KAPGATE_UPSTREAM_MAX_CONNECTIONS: '1', KAPGATE_UPSTREAM_CONNECT_TIMEOUT: '2s' },
  });
  for (let round = 1; round <= 5; round++) {
    const connection = await openRawConnection(gateway.port);
    connection.send(requestText('GET', TASKS, [as('ann')]));
    await eventually('the connection is being opened', () => upstream?.connections === round);
    connection.socket.resetAndDestroy();
    await eventually('it is given up', () => upstream?.openConnections === 0, 1_500);
  }
  expect((await send(gateway.port)).status).toBe(502);
});

test('a loop of aborts while answers come leaves nothing behind', async () => {
  const port = await open((socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n');
    socket.write('x'.repeat(2_000_000));
  });
  for (let round = 0; round < 20; round++) {
    const connection = await openRawConnection(port);
    connection.send(requestText('GET', TASKS, [as('ann')]));
    await sleep(round % 5);
    connection.socket.resetAndDestroy();
  }
  const response = await send(port);
  expect(response.body.equals(Buffer.alloc(2_000_000, 'x'))).toBe(true);
  await eventually('one connection at most', () => (upstream?.openConnections ?? 0) <= 1);
});
