import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { join } from 'node:path';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../../src/kernel/exchange.ts';
import { cut } from '../../src/listener/linger.ts';
import { readBody } from '../../src/listener/read-body.ts';
import type { Listener } from '../../src/listener/server.ts';
import type { TlsSettings } from '../../src/listener/tls.ts';
import { LIMIT_MS, fuzz } from '../fuzz/runs.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { createAuthority, findOpenssl } from '../support/certificates.ts';
import { eventually } from '../support/eventually.ts';
import { openListener } from '../support/open-listener.ts';
import { openRawConnection } from '../support/raw-client.ts';
import type { RawConnection, RawOptions } from '../support/raw-client.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const isTlsTested = findOpenssl('clients at random do not speak TLS');

expectNoAccidents();

/** What becomes of a request, by its path. */
const ANSWERS: Readonly<Record<string, (exchange: Exchange) => void>> = {
  '/at-once': (exchange) => say(exchange, 'x'),
  '/later': (exchange) => void setTimeout(() => say(exchange, 'x'), 3),
  '/whole': (exchange) => {
    readBody(exchange, { maxBytes: 1_000_000, timeoutMs: 0 }).then(
      (body) => say(exchange, String(body.length)),
      () => undefined,
    );
  },
  '/long': (exchange) => stream(exchange, 40),
  '/endless': (exchange) => stream(exchange, Infinity),
  '/pausing': (exchange) => {
    const { body } = exchange.request;
    body.take({
      onData: () => {
        body.pause();
        setTimeout(() => body.resume(), 1);
      },
      onEnd: () => say(exchange, 'x'),
      onBroken: () => undefined,
    });
  },
  '/cut': (exchange) => cut(exchange.request.socket),
  '/late': (exchange) => void setTimeout(() => say(exchange, 'x'), 30),
};

function say(exchange: Exchange, text: string): void {
  const { request, response } = exchange;
  if (response.isClosed) return;
  if (!request.body.hasArrived) response.isLast = true;
  response.begin(200, 'OK', ['Content-Length', String(text.length)]);
  response.writeSmall(Buffer.from(text));
  exchange.finish();
}

function stream(exchange: Exchange, pieces: number): void {
  const { request, response } = exchange;
  const piece = Buffer.alloc(100_000, 'y');
  let left = pieces;
  if (!request.body.hasArrived) response.isLast = true;
  response.begin(200, 'OK', []);
  const go = (): void => {
    while (!response.isClosed && left > 0) {
      left -= 1;
      if (!response.write(piece)) return;
    }
    response.onDrain = undefined;
    if (!response.isClosed) exchange.finish();
  };
  response.onDrain = go;
  response.onGone = () => (left = 0);
  go();
}

/** Those of one client. */
interface Requests {
  readonly begun: Exchange[];
  readonly over: Exchange[];
}

describe.each([['tcp'], ['unix'], ...(isTlsTested ? [['tls']] : [])])('over %s', (kind) => {
  let dir: TempDir;
  let listener: Listener;
  let place: RawOptions;
  let port = 0;
  /** By the number of their case: a request may be read long after its client has left, and the next case has begun. */
  const requests = new Map<string, Requests>();

  beforeAll(async () => {
    dir = await createTempDir();
    let tls: TlsSettings | undefined;
    if (kind === 'tls') {
      const authority = createAuthority(dir.path);
      const { cert, key } = authority.issue('server');
      tls = { cert, key, clientCa: undefined, clientAuth: 'optional' };
    }
    const opened = await openListener(() => undefined, {
      tls,
      maxConnections: 1_000,
      service: () => ({
        requestPath: (exchange) => {
          const [path = '', number = ''] = exchange.request.url.split('?');
          requests.get(number)?.begun.push(exchange);
          ANSWERS[path]?.(exchange);
          return Promise.resolve();
        },
        clientAddress: () => '',
        onBegin: () => undefined,
        onEnd: (exchange) => {
          const [, number = ''] = exchange.request.url.split('?');
          requests.get(number)?.over.push(exchange);
        },
        onUnread: () => undefined,
        onNoTls: () => undefined,
      }),
    });
    ({ listener, port } = opened);
    const path = join(dir.path, 'socket');
    if (kind === 'unix') await listener.listen([{ kind: 'unix', path }]);
    place =
      kind === 'unix' ? { path } : kind === 'tls' ? { tls: { rejectUnauthorized: false } } : {};
  });

  afterAll(async () => {
    await listener.stop();
    await dir.remove();
  });

  const BODIES = [
    ...[
      '',
      'Content-Length: 5\r\n\r\nabcde',
      'Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n',
    ],
    ...['Content-Length: 9\r\n\r\nab', `Content-Length: 200000\r\n\r\n${'z'.repeat(200_000)}`],
    ...['Transfer-Encoding: chunked\r\n\r\nzz\r\n', 'Connection: close\r\n\r\n', '\x00'],
    ...['Expect: 100-continue\r\nContent-Length: 2\r\n\r\nab', 'Upgrade: x\r\n\r\n'],
    ...['Content-Length: 5\r\nContent-Length: 5\r\n\r\nabcde', 'Content-Length: 5\r\n\r\n'],
  ];
  const request = fc
    .record({
      path: fc.constantFrom(...Object.keys(ANSWERS)),
      body: fc.constantFrom('', '', ...BODIES),
    })
    .map(({ path, body }) => `POST ${path} HTTP/1.1\r\nHost: x\r\n${body === '' ? '\r\n' : body}`);
  const step = fc.oneof(
    { weight: 6, arbitrary: request.map((text) => ({ do: 'send' as const, text })) },
    { weight: 1, arbitrary: fc.constant({ do: 'wait' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'pause' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'resume' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'end' as const }) },
    { weight: 1, arbitrary: fc.constant({ do: 'reset' as const }) },
  );

  async function play(
    client: RawConnection,
    number: string,
    steps: readonly (typeof step extends fc.Arbitrary<infer T> ? T : never)[],
  ): Promise<void> {
    for (const each of steps) {
      if (client.socket.destroyed) return;
      if (each.do === 'send') {
        if (client.socket.writable) client.send(each.text.replace(' HTTP', `?${number} HTTP`));
      } else if (each.do === 'wait') await sleep(4);
      else if (each.do === 'pause') client.socket.pause();
      else if (each.do === 'resume') client.socket.resume();
      else if (each.do === 'end') client.end();
      else if (kind === 'tcp') client.socket.resetAndDestroy();
      else client.destroy();
      await nextTurn();
    }
  }

  test(
    'whatever clients do, each request is over once, and nothing of them stays',
    async () => {
      await fuzz(`clients over ${kind}`, 60, fc.array(step, { maxLength: 8 }), async (steps) => {
        const number = String(requests.size);
        const { begun, over }: Requests = { begun: [], over: [] };
        requests.set(number, { begun, over });
        const client = await openRawConnection(port, place);
        await play(client, number, steps);
        await sleep(2);
        client.destroy();
        await eventually('all are over', () => over.length >= begun.length);
        expect(new Set(over)).toEqual(new Set(begun));
        expect(over.length).toBe(begun.length);
        expect(over.every(({ response }) => response.isClosed)).toBe(true);
        await eventually('the connection is closed', () =>
          begun.every((each) => each.request.socket.destroyed),
        );
      });
      await eventually('those that were read late are over', () =>
        [...requests.values()].every(({ begun, over }) => over.length === begun.length),
      );
    },
    LIMIT_MS,
  );
});
