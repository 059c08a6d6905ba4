import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { ClientRequest } from '../../src/kernel/client-request.ts';
import type { ClientResponse } from '../../src/kernel/client-response.ts';
import { createListener } from '../../src/listener/server.ts';
import type { Listener, ListenerOptions } from '../../src/listener/server.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { openListener, respond } from '../support/open-listener.ts';
import { openRawConnection } from '../support/raw-client.ts';
import type { RawConnection } from '../support/raw-client.ts';

const TICK_MS = 5;
const GET = 'GET / HTTP/1.1\r\nHost: x\r\n\r\n';

let listener: Listener | undefined;
let opened: RawConnection[] = [];
let nowMs: number;

expectNoAccidents();

beforeEach(() => {
  nowMs = 1_000;
  opened = [];
});

afterEach(async () => {
  for (const connection of opened) connection.destroy();
  await listener?.stop();
});

type Answer = (request: ClientRequest, response: ClientResponse) => void;

async function open(answer: Answer, options: Partial<ListenerOptions> = {}): Promise<number> {
  const opened = await openListener(({ request, response }) => answer(request, response), {
    now: () => nowMs,
    intervalMs: TICK_MS,
    ...options,
  });
  listener = opened.listener;
  return opened.port;
}

interface Connected extends RawConnection {
  readonly isOpen: () => boolean;
  /** By the clock of the process; NaN while it is open. */
  readonly cutMs: () => number;
}

async function connect(port: number): Promise<Connected> {
  const connection = await openRawConnection(port);
  let cutMs = NaN;
  const cut = (): void => {
    if (Number.isNaN(cutMs)) cutMs = performance.now();
  };
  connection.socket.on('end', cut).on('error', cut);
  const connected = Object.assign(connection, {
    isOpen: () => Number.isNaN(cutMs),
    cutMs: () => cutMs,
  });
  opened.push(connected);
  return connected;
}

async function pass(ms: number): Promise<void> {
  await looks();
  nowMs += ms;
  await looks();
}

/** Several looks at the connections. On a busy machine one long wait may be over before anything was read, or looked at. */
async function looks(): Promise<void> {
  for (let look = 0; look < 4; look++) {
    await sleep(TICK_MS);
    await nextTurn();
  }
}

const ok: Answer = (_, response) => respond(response, 'ok');

describe('connections of clients', () => {
  test('a head must end within header-timeout of its first byte', async () => {
    const connection = await connect(await open(ok));
    connection.send('GET / HTTP/1.1\r\n');
    for (let second = 0; second < 9; second++) {
      await pass(1_000);
      connection.send(`X-${second}: slow\r\n`);
    }
    await pass(900);
    expect(connection.isOpen()).toBe(true);
    await pass(100);
    expect(connection.isOpen()).toBe(false);
    expect(connection.pending.length).toBe(0);
  });

  test('so must the second one on a kept connection', async () => {
    const connection = await connect(await open(ok));
    connection.send(GET);
    await connection.receive();
    await pass(100_000);
    expect(connection.isOpen()).toBe(true);
    connection.send('GET /');
    await pass(9_999);
    expect(connection.isOpen()).toBe(true);
    await pass(1);
    expect(connection.isOpen()).toBe(false);
  });

  test('one that was never used may stay for as long as an idle one', async () => {
    const port = await open(ok);
    const [unused, used] = [await connect(port), await connect(port)];
    used.send(GET);
    await used.receive();
    await pass(3_599_000);
    expect([unused.isOpen(), used.isOpen()]).toEqual([true, true]);
    unused.send(GET);
    expect((await unused.receive()).status).toBe(200);
    await pass(1_100);
    expect([unused.isOpen(), used.isOpen()]).toEqual([true, false]);
  });

  test('a request that takes long is neither idle nor a head', async () => {
    let finish: () => void = () => undefined;
    const port = await open((_, response) => {
      finish = () => respond(response, 'late');
    });
    const connection = await connect(port);
    connection.send('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc');
    await pass(86_400_000);
    expect(connection.isOpen()).toBe(true);
    finish();
    expect((await connection.receive()).body.toString()).toBe('late');
  });

  test('limits of 0 are none', async () => {
    const connection = await connect(
      await open(ok, { headerTimeoutMs: 0, idleTimeoutMs: 0, bodyIdleTimeoutMs: 0 }),
    );
    await pass(86_400_000);
    connection.send('GET / HTTP/1.1\r\n');
    await pass(86_400_000);
    connection.send('Host: x\r\n\r\n');
    expect((await connection.receive()).status).toBe(200);
  });

  test('the end of an answer that its client does not read is given up', async () => {
    let isClosed = (): boolean => false;
    const port = await open((_, response) => {
      isClosed = () => response.isClosed;
      respond(response, Buffer.alloc(32 * 1024 * 1024));
    });
    const connection = await connect(port);
    connection.socket.pause();
    connection.send(GET);
    await sleep(200);
    await pass(59_000);
    expect(isClosed()).toBe(false);
    await pass(1_000);
    await eventually('the end', () => isClosed());
  });

  test('one that is read slowly is not', async () => {
    let isClosed = (): boolean => false;
    const port = await open((_, response) => {
      isClosed = () => response.isClosed;
      response.begin(200, 'OK', []);
      // In pieces, as the proxy writes them: how far one was taken shows only at its end.
      let left = 512;
      const writeOn = (): void => {
        while (left-- > 0) if (!response.write(Buffer.alloc(64 * 1024))) return;
        response.end();
      };
      response.onDrain = writeOn;
      writeOn();
    });
    const connection = await connect(port);
    connection.socket.pause();
    connection.send(GET);
    await sleep(200);
    for (let round = 0; round < 3; round++) {
      await pass(50_000);
      const want = connection.socket.bytesRead + 6 * 1024 * 1024;
      while (connection.isOpen() && connection.socket.bytesRead < want) {
        connection.socket.resume();
        await sleep(1);
        connection.socket.pause();
      }
      await sleep(50);
    }
    expect(isClosed()).toBe(false);
  });
});

describe('shutdown', () => {
  test('a listener that stops takes no new connection, and a kept one is told to close', async () => {
    const port = await open(ok, { shutdownTimeoutMs: 5_000 });
    const kept = await connect(port);
    kept.send(GET);
    expect((await kept.receive()).header('connection')).toBe('keep-alive');
    const stopped = listener?.stop();
    await expect(openRawConnection(port)).rejects.toThrow(/ECONNREFUSED/);
    kept.send(GET);
    expect((await kept.receive()).header('connection')).toBe('close');
    await stopped;
    await eventually('the end', () => !kept.isOpen());
  });

  test('a request under way ends, is told to close, and the listener does not wait any longer', async () => {
    let finish: (() => void) | undefined;
    const port = await open(
      (_, response) => {
        finish = () => respond(response, 'late');
      },
      { shutdownTimeoutMs: 60_000 },
    );
    const connection = await connect(port);
    connection.send(GET);
    await eventually('it is under way', () => finish !== undefined);
    const startedMs = Date.now();
    const stopped = listener?.stop();
    await sleep(30);
    finish?.();
    const response = await connection.receive();
    expect([response.body.toString(), response.header('connection')]).toEqual(['late', 'close']);
    await stopped;
    expect(Date.now() - startedMs).toBeLessThan(25_000);
  });

  test('idle connections, and requests that do not end, are cut when shutdown-timeout is over', async () => {
    let hasBegun = false;
    const port = await open(() => (hasBegun = true), { shutdownTimeoutMs: 150 });
    const [idle, busy] = [await connect(port), await connect(port)];
    busy.send(GET);
    await eventually('it is under way', () => hasBegun);
    const startedMs = performance.now();
    await listener?.stop();
    await eventually('both are cut', () => !idle.isOpen() && !busy.isOpen());
    // A timer may be early by the rest of a millisecond.
    expect(Math.min(idle.cutMs(), busy.cutMs()) - startedMs).toBeGreaterThan(148);
  });

  test('one that never listened, and one that could not, stop as well', async () => {
    const port = await open(ok);
    const second = createListener({
      service: () => ({
        requestPath: () => Promise.resolve(),
        clientAddress: () => '127.0.0.1',
        onBegin: () => undefined,
        onEnd: () => undefined,
        onUnread: () => undefined,
        onNoTls: () => undefined,
      }),
      ...{ maxHeaderBytes: 1024, headerTimeoutMs: 0 },
      ...{
        idleTimeoutMs: 0,
        bodyIdleTimeoutMs: 0,
        maxConnections: 1,
        shutdownTimeoutMs: 1,
        tls: undefined,
      },
      ...{ onCrowded: () => undefined, onServerError: () => undefined, now: Date.now },
    });
    await expect(second.listen([{ kind: 'tcp', host: '127.0.0.1', port }])).rejects.toThrow(
      /EADDRINUSE/,
    );
    await second.stop();
  });
});
