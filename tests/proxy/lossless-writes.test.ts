import { afterEach, describe, expect, test } from '@jest/globals';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expectNoAccidents } from '../support/accidents.ts';
import { as, openGateway } from '../support/open-gateway.ts';
import type { OpenGateway } from '../support/open-gateway.ts';
import { openRawConnection } from '../support/raw-client.ts';

/** What a Kapacitor does with each whole request. */
type Behaviour = (socket: Socket) => void;

const OK = 'HTTP/1.1 204 No Content\r\n\r\n';
const POINTS = 'cpu value=1\n';

let gateway: OpenGateway;
let server: Server | undefined;
let sockets: Socket[] = [];

expectNoAccidents();

afterEach(async () => {
  await gateway.stop();
  for (const socket of sockets) socket.destroy();
  sockets = [];
  server?.close();
  server = undefined;
});

async function open(behaviour: Behaviour | 'not there'): Promise<void> {
  const upstream = behaviour === 'not there' ? 'http://127.0.0.1:1' : await listen(behaviour);
  gateway = await openGateway({
    upstream,
    env: {
      KAPGATE_UPSTREAM_RESPONSE_TIMEOUT: '1s',
      KAPGATE_UPSTREAM_CONNECT_TIMEOUT: '1s',
      KAPGATE_LIMITS_BODY_IDLE_TIMEOUT: '1s',
      KAPGATE_LIMITS_HEADER_TIMEOUT: '1s',
    },
    subscriptions: { influx: [] },
  });
}

async function listen(behaviour: Behaviour): Promise<string> {
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket);
    let request = '';
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      request += bytes.toString('latin1');
      const isWhole = /chunked/i.test(request)
        ? request.endsWith('0\r\n\r\n')
        : request.includes(POINTS);
      if (!isWhole) return;
      request = '';
      behaviour(socket);
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const BEHAVIOURS: Readonly<Record<string, Behaviour | 'not there'>> = {
  answers: (socket) => void socket.write(OK),
  'is not there': 'not there',
  'resets at the request': (socket) => void socket.resetAndDestroy(),
  'ends at the request': (socket) => void socket.end(),
  'ends amid the head': (socket) => void socket.end('HTTP/1.1 204 No'),
  'resets amid the head': (socket) => {
    socket.write('HTTP/1.1 204 No');
    setTimeout(() => socket.resetAndDestroy(), 20);
  },
  'never answers': () => undefined,
  'says 100 and 103, and no more': (socket) =>
    void socket.write('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n'),
  'speaks nonsense': (socket) => void socket.write('NONSENSE 204\r\n\r\n'),
  'has a status of two digits': (socket) => void socket.write('HTTP/1.1 20 OK\r\n\r\n'),
  'has two lengths': (socket) =>
    void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'),
  'switches protocols': (socket) =>
    void socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
    ),
  'answers and closes': (socket) =>
    void socket.end(`HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n`),
  'answers and closes without a word': (socket) => void socket.end(OK),
  'answers twice': (socket) =>
    void socket.write(`${OK}HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n`),
};

type Way = (headers: string) => readonly (string | number)[];

const head = (line: string, headers: string): string => `${line}\r\nHost: x\r\n${headers}\r\n`;
const LENGTH = `Content-Length: ${POINTS.length}\r\n`;
const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const CHUNKS = `${POINTS.length.toString(16)}\r\n${POINTS}\r\n0\r\n\r\n`;
const WRITE = 'POST /write?db=d';

/** What a client sends, and for how many milliseconds it pauses between. -1: it ends its side. */
const WAYS: Readonly<Record<string, Way>> = {
  'at once': (auth) => [`${head(`${WRITE} HTTP/1.1`, auth + LENGTH)}${POINTS}`],
  'and ends its side at once': (auth) => [
    `${head(`${WRITE} HTTP/1.1`, auth + LENGTH)}${POINTS}`,
    -1,
  ],
  'and ends its side a moment later': (auth) => [
    `${head(`${WRITE} HTTP/1.1`, auth + LENGTH)}${POINTS}`,
    30,
    -1,
  ],
  'by HTTP/1.0': (auth) => [`${head(`${WRITE} HTTP/1.0`, auth + LENGTH)}${POINTS}`],
  'by HTTP/1.0, and ends its side': (auth) => [
    `${head(`${WRITE} HTTP/1.0`, auth + LENGTH)}${POINTS}`,
    -1,
  ],
  'by HTTP/1.0 on a connection to be kept': (auth) => [
    `${head(`${WRITE} HTTP/1.0`, `Connection: keep-alive\r\n${auth}${LENGTH}`)}${POINTS}`,
  ],
  'in chunks': (auth) => [`${head(`${WRITE} HTTP/1.1`, auth + CHUNKED)}${CHUNKS}`],
  'in chunks, byte by byte': (auth) => [
    head(`${WRITE} HTTP/1.1`, auth + CHUNKED),
    ...CHUNKS.split('').flatMap((byte) => [byte, 2]),
  ],
  'with Expect, not waiting for 100': (auth) => [
    `${head(`${WRITE} HTTP/1.1`, `Expect: 100-continue\r\n${auth}${LENGTH}`)}${POINTS}`,
  ],
  'with Expect, a second later': (auth) => [
    head(`${WRITE} HTTP/1.1`, `Expect: 100-continue\r\n${auth}${LENGTH}`),
    300,
    POINTS,
  ],
  'with Expect, ending its side': (auth) => [
    `${head(`${WRITE} HTTP/1.1`, `Expect: 100-continue\r\n${auth}${LENGTH}`)}${POINTS}`,
    -1,
  ],
  'twice without waiting': (auth) => [
    `${head(`${WRITE} HTTP/1.1`, auth + LENGTH)}${POINTS}`.repeat(2),
  ],
};

/** Every final status that comes until the connection ends, or nothing more comes. */
async function statusesOf(way: Way, auth: string): Promise<readonly number[]> {
  const connection = await openRawConnection(gateway.port, { timeoutMs: 20_000 });
  const statuses = (): readonly number[] =>
    [...connection.pending.toString('latin1').matchAll(/HTTP\/1\.1 ([2-5]\d\d)/g)].map(
      ([, status]) => Number(status),
    );
  const expected = way === WAYS['twice without waiting'] ? 2 : 1;
  for (const step of way(auth)) {
    if (typeof step === 'string') connection.send(step);
    else if (step === -1) connection.end();
    else await sleep(step);
  }
  const deadline = Date.now() + 15_000;
  const { socket } = connection;
  const isOver = (): boolean => statuses().length >= expected || socket.readableEnded;
  while (!isOver() && !socket.destroyed && Date.now() < deadline) await sleep(5);
  connection.destroy();
  return statuses();
}

describe('a write is 204, 5xx, or a cut connection: never a 4xx, which loses its points', () => {
  test.each(Object.entries(BEHAVIOURS))(
    'before a Kapacitor that %s',
    async (name, behaviour) => {
      await open(behaviour);
      const seen: Record<string, readonly number[]> = {};
      // A connection that Kapacitor has just answered on is what the next one meets.
      await Promise.all(
        Object.entries(WAYS).map(async ([how, way]) => {
          const first = await statusesOf(way, `${as('ann')}\r\n`);
          await sleep(10);
          const second = await statusesOf(way, `${as('ann')}\r\n`);
          seen[how] = [...first, ...second];
        }),
      );
      for (const [how, statuses] of Object.entries(seen)) {
        expect({ how, lost: statuses.filter((status) => status >= 300 && status < 500) }).toEqual({
          how,
          lost: [],
        });
        if (name === 'answers') expect([...new Set(statuses)]).toEqual([204]);
        expect(statuses.length).toBeGreaterThan(0);
      }
    },
    180_000,
  );
});
