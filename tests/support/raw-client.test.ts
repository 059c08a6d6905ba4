import { describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { exchange, openRawConnection, requestText } from './raw-client.ts';
import { answering, startRecordingUpstream } from './recording-upstream.ts';

/** A server that answers each connection with these bytes, and gives `work` its port. */
async function answeringRaw<T>(
  onConnection: (socket: Socket) => void,
  work: (port: number) => Promise<T>,
): Promise<T> {
  const server = createServer({ allowHalfOpen: true }, onConnection);
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    return await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

function bytes(text: string): (socket: Socket) => void {
  return (socket) => {
    socket.end(text);
  };
}

describe('exchange', () => {
  test('chunks are put together, and the raw bytes are kept', async () => {
    const raw =
      'HTTP/1.1 200 OK\r\nX-B: 1\r\nx-a: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n';
    const response = await answeringRaw(bytes(raw), (port) =>
      exchange(port, 'GET / HTTP/1.1\r\n\r\n'),
    );
    expect(response.body.toString()).toBe('abc0123456789');
    expect(response.headers.map(([name]) => name)).toEqual(['X-B', 'x-a', 'Transfer-Encoding']);
    expect(response.raw.toString()).toBe(raw);
  });

  test('a body without a length goes to the end', async () => {
    const raw = 'HTTP/1.0 200 OK\r\n\r\nall of it';
    const response = await answeringRaw(bytes(raw), (port) =>
      exchange(port, 'GET / HTTP/1.0\r\n\r\n'),
    );
    expect(response.body.toString()).toBe('all of it');
  });

  test.each([
    ['a body that is cut off', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc', 'ended'],
    [
      'chunks without their last',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n',
      'ended',
    ],
    ['no answer', '', 'ended'],
    ['something else than HTTP', 'SSH-2.0-x\r\n\r\n', 'not a status line'],
    [
      'a chunk size with an extension',
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x\r\na\r\n',
      'not a chunk size',
    ],
  ])('%s is an error', async (_, raw, words) => {
    const answer = answeringRaw(bytes(raw), (port) => exchange(port, 'GET / HTTP/1.1\r\n\r\n'));
    await expect(answer).rejects.toThrow(words);
  });

  test('silence is an error when the time is over', async () => {
    const answer = answeringRaw(
      (socket) => void socket.on('data', () => undefined).once('close', () => socket.destroy()),
      (port) => exchange(port, 'GET / HTTP/1.1\r\n\r\n', { timeoutMs: 100 }),
    );
    await expect(answer).rejects.toThrow('100 ms passed');
  });
});

describe('openRawConnection', () => {
  test('several requests go over one connection, and a half-closed one still receives', async () => {
    const upstream = await startRecordingUpstream(answering(200, { 'X-Of': 'upstream' }, 'body'));
    try {
      const connection = await openRawConnection(upstream.port);
      connection.send(requestText('GET', '/one') + requestText('POST', '/two?x', ['A: b'], 'sent'));
      connection.end();
      const responses = [await connection.receive('GET'), await connection.receive('POST')];
      expect(responses.map(({ status, body }) => `${status} ${body.toString()}`)).toEqual([
        '200 body',
        '200 body',
      ]);
      await connection.ended();
      connection.destroy();
      expect(upstream.connections).toBe(1);
      expect(upstream.requests).toMatchObject([
        { connection: 1, method: 'GET', target: '/one', state: 'complete' },
        {
          connection: 1,
          method: 'POST',
          target: '/two?x',
          headers: [
            ['Host', 'kapgate'],
            ['A', 'b'],
            ['Content-Length', '4'],
          ],
        },
      ]);
      expect(upstream.requests[1]?.body.toString()).toBe('sent');
      expect(upstream.bytesOf(1).toString()).toContain('POST /two?x HTTP/1.1\r\n');
    } finally {
      await upstream.stop();
    }
  });

  test('an interim answer is told apart from the final one', async () => {
    const upstream = await startRecordingUpstream(answering(204));
    try {
      const connection = await openRawConnection(upstream.port);
      connection.send(
        'PUT / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n',
      );
      expect((await connection.receive('PUT')).status).toBe(100);
      connection.send('x');
      expect((await connection.receive('PUT')).status).toBe(204);
      connection.destroy();
    } finally {
      await upstream.stop();
    }
  });

  test('a port on which nobody listens is an error', async () => {
    await expect(openRawConnection(1)).rejects.toThrow('ECONNREFUSED');
  });
});
