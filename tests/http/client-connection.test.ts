import { afterEach, describe, expect, test } from '@jest/globals';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import type { Exchange } from '../../src/kernel/exchange.ts';
import { readBody } from '../../src/listener/read-body.ts';
import type { Listener, Service } from '../../src/listener/server.ts';
import { expectNoAccidents } from '../support/accidents.ts';
import { eventually } from '../support/eventually.ts';
import { openListener, respond } from '../support/open-listener.ts';
import { openRawConnection, requestText } from '../support/raw-client.ts';
import type { RawConnection, RawResponse } from '../support/raw-client.ts';

const GET = requestText('GET', '/a');
const LAST = requestText('GET', '/last', ['Connection: close']);
const BODY = { maxBytes: 100 * 1024 * 1024, timeoutMs: 0 };

expectNoAccidents();

let listener: Listener | undefined;
const clients: RawConnection[] = [];
/** Of the requests that are over. */
let statuses: number[] = [];
/** What was no request. */
let unread: number[] = [];
let exchanges: Exchange[] = [];

afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await listener?.stop();
  await eventually('all are over', () => exchanges.every(({ response }) => response.isClosed));
  [listener, statuses, unread, exchanges] = [undefined, [], [], []];
});

/** A connection to a listener whose requests go to this function. */
async function open(answer: (exchange: Exchange) => void): Promise<RawConnection> {
  const service: Service = {
    requestPath: (exchange) => {
      exchanges.push(exchange);
      answer(exchange);
      return Promise.resolve();
    },
    clientAddress: () => '127.0.0.1',
    onBegin: () => undefined,
    onEnd: (_exchange, status) => void statuses.push(status),
    onUnread: (_address, status) => void unread.push(status),
    onNoTls: () => undefined,
  };
  const opened = await openListener(answer, { service: () => service });
  listener = opened.listener;
  const client = await openRawConnection(opened.port);
  clients.push(client);
  return client;
}

/** Answers with what it was asked for, and its body. */
function echo(exchange: Exchange): void {
  readBody(exchange, BODY).then(
    (body) => say(exchange, `${exchange.request.method} ${exchange.request.url} ${body.length}`),
    () => undefined,
  );
}

function say(exchange: Exchange, text: string): void {
  if (!exchange.request.body.hasArrived) exchange.response.isLast = true;
  exchange.response.begin(200, 'OK', ['Content-Length', String(text.length)]);
  exchange.response.writeSmall(Buffer.from(text));
  exchange.finish();
}

/** What waits until the test lets it go on. */
function gate(): { readonly whenOpen: Promise<void>; readonly open: () => void } {
  let open = (): void => undefined;
  const whenOpen = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { whenOpen, open };
}

async function bodies(client: RawConnection, count: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (let each = 0; each < count; each++) found.push((await client.receive()).body.toString());
  return found;
}

/** Everything that comes until the end of the connection. */
async function rest(client: RawConnection): Promise<string> {
  await client.ended();
  return client.pending.toString('latin1');
}

function socketOf(index: number): Socket {
  const socket = exchanges[index]?.request.socket;
  if (socket === undefined) throw new Error(`no request ${index} has come`);
  return socket;
}

/** What hangs on a socket: as many as on one that has just been opened. */
function listenersOf(socket: Socket): readonly number[] {
  return socket.eventNames().map((name) => socket.listenerCount(name));
}

describe('openConnection', () => {
  const CHUNKED = `${requestText('POST', '/b', ['Transfer-Encoding: chunked'])}3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-T: u\r\n\r\n`;

  test('requests in bytes of their own are those of one piece', async () => {
    const client = await open(echo);
    for (const byte of `\r\n${GET}${CHUNKED}${requestText('PUT', '/c', [], 'four')}`) {
      client.send(byte);
      await nextTurn();
    }
    expect(await bodies(client, 3)).toEqual(['GET /a 0', 'POST /b 5', 'PUT /c 4']);
    client.send(`${GET}${CHUNKED}\r\n\r\n${requestText('PUT', '/c', [], 'four')}`);
    expect(await bodies(client, 3)).toEqual(['GET /a 0', 'POST /b 5', 'PUT /c 4']);
    expect(statuses).toEqual([200, 200, 200, 200, 200, 200]);
  });

  test('one request at a time, whatever stands behind it', async () => {
    const { whenOpen, open: answer } = gate();
    const client = await open((exchange) => void whenOpen.then(() => echo(exchange)));
    client.send(GET.repeat(3) + LAST + GET);
    await eventually('the first has begun', () => exchanges.length > 0);
    await sleep(20);
    expect(exchanges).toHaveLength(1);
    answer();
    expect((await rest(client)).match(/GET \/\w+/g)).toEqual([
      'GET /a',
      'GET /a',
      'GET /a',
      'GET /last',
    ]);
    await eventually('all are over', () => statuses.length === 4);
    expect(exchanges).toHaveLength(4);
  });

  test('a flood of requests behind one another does not keep the others waiting', async () => {
    const client = await open((exchange) => {
      const busyUntil = performance.now() + 2;
      while (performance.now() < busyUntil);
      say(exchange, 'x');
    });
    let turns = 0;
    const timer = setInterval(() => (turns += 1), 1);
    const COUNT = 200;
    client.send(requestText('GET', '/').repeat(COUNT));
    await eventually('all are over', () => statuses.length === COUNT);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(COUNT / 4);
  });

  describe('what waits', () => {
    test('behind a small body that is taken late goes on', async () => {
      const client = await open((exchange) => {
        if (exchange.request.method === 'GET') {
          say(exchange, '.');
          return;
        }
        void eventually('it is held up', () => exchange.request.socket.isPaused()).then(() => {
          exchange.request.body.takeWhole(100);
          say(exchange, 'first');
        });
      });
      const count = 1_500;
      client.send(requestText('POST', '/', [], 'small') + requestText('GET', '/x').repeat(3_000));
      expect(await bodies(client, count)).toEqual([
        'first',
        ...Array.from({ length: count - 1 }, () => '.'),
      ]);
      client.send(LAST);
      await client.ended();
    });

    test('of a body that nobody takes is bounded, and all of it comes', async () => {
      const { whenOpen, open: take } = gate();
      const client = await open((exchange) => void whenOpen.then(() => echo(exchange)));
      client.send(requestText('POST', '/', ['Content-Length: 3000000']));
      client.send('x'.repeat(3_000_000) + GET);
      await eventually('it is held up', () => exchanges[0]?.request.socket.isPaused() === true);
      expect(socketOf(0).bytesRead).toBeLessThan(300_000);
      take();
      expect(await bodies(client, 1)).toEqual(['POST / 3000000']);
      expect(await bodies(client, 1)).toEqual(['GET /a 0']);
    });

    test('of a body whose taker pauses is bounded, and all of it comes', async () => {
      let bytes = 0;
      const client = await open((exchange) => {
        const { body } = exchange.request;
        body.take({
          onData: (piece) => {
            bytes += piece.length;
            body.pause();
            setTimeout(() => body.resume(), 1);
          },
          onEnd: () => say(exchange, String(bytes)),
          onBroken: () => undefined,
        });
      });
      client.send(
        `${requestText('POST', '/', ['Content-Length: 2000000'])}${'x'.repeat(2_000_000)}`,
      );
      expect(await bodies(client, 1)).toEqual(['2000000']);
    });

    test('behind a request without an answer is a flood where it is too much', async () => {
      const client = await open(() => undefined);
      client.send(GET);
      client.send(GET.repeat(20_000));
      await client.ended();
      await eventually('it is over', () => statuses.length === 1);
      expect(exchanges).toHaveLength(1);
    });
  });

  describe('a client that ends its side', () => {
    test.each([
      ['before a request', '', [], ''],
      ['amid a head', 'GET / HT', [], '400'],
      ['amid an empty line', '\r', [], '400'],
      ['behind a request', GET, ['GET /a 0'], ''],
      ['behind two', GET + CHUNKED, ['GET /a 0', 'POST /b 5'], ''],
      ['amid the head behind one', `${GET}GET /`, ['GET /a 0'], '400'],
      ['amid a body', requestText('POST', '/', ['Content-Length: 5']), [], '400'],
      ['amid the body behind a request', `${GET}${CHUNKED.slice(0, -9)}`, ['GET /a 0'], '400'],
      [
        'with nothing of the body behind a request',
        GET + requestText('POST', '/', ['Content-Length: 5']),
        ['GET /a 0'],
        '400',
      ],
      ['behind nonsense', 'nonsense\r\n', [], '400'],
    ] as const)('%s: %j', async (_name, sent, answered, last) => {
      const client = await open((exchange) => void setTimeout(() => echo(exchange), 20));
      client.send(sent);
      client.end();
      const text = await rest(client);
      expect(text.match(/(?:GET|POST) \/\w* \d+/g) ?? []).toEqual(answered);
      expect(text.match(/HTTP\/1\.1 (?!200)\d+/)?.[0].slice(9) ?? '').toBe(last);
      await eventually('all are over', () => statuses.length === exchanges.length);
    });

    test('behind a body in chunks of which some was taken: it is whole', async () => {
      let taken = 0;
      const client = await open((exchange) => {
        const { body, socket } = exchange.request;
        body.take({
          onData: (piece) => {
            taken += piece.length;
            body.pause();
          },
          onEnd: () => say(exchange, `all ${taken}`),
          onBroken: () => say(exchange, 'broken'),
        });
        socket.once('end', () => setTimeout(() => body.resume(), 20));
      });
      client.send(CHUNKED.slice(0, CHUNKED.indexOf('2\r\nde')));
      await eventually('some was taken', () => taken > 0);
      client.send(CHUNKED.slice(CHUNKED.indexOf('2\r\nde')));
      client.end();
      expect((await client.receive()).body.toString()).toBe('all 5');
      await client.ended();
    });

    test('amid an answer: what is left of it is cut', async () => {
      const client = await open(({ response }) => {
        response.begin(200, 'OK', ['Content-Length', '10']);
        response.write(Buffer.from('half'));
      });
      client.send(GET);
      await eventually('it has begun', () => client.pending.includes('half'));
      client.end();
      await client.ended();
      await eventually('it is over', () => statuses.length === 1);
    });
  });

  describe('a client that is gone', () => {
    test.each([
      ['amid a head', 'GET / HT', 0],
      ['amid a body', requestText('POST', '/', ['Content-Length: 5']), 1],
      ['while its request is answered', GET, 1],
      ['with requests behind it', GET.repeat(9), 1],
    ])('%s: all is over once, and nothing is left', async (_name, sent, begun) => {
      let gone = 0;
      const client = await open(({ response }) => {
        response.onGone = () => (gone += 1);
      });
      client.send(sent);
      await eventually('it has begun', () => exchanges.length >= begun);
      await sleep(20);
      expect(exchanges).toHaveLength(begun);
      client.socket.resetAndDestroy();
      await eventually('it is over', () => statuses.length === begun && gone === begun);
      await sleep(10);
      expect([statuses.length, gone]).toEqual([begun, begun]);
      expect(exchanges.every(({ response }) => response.isClosed)).toBe(true);
    });

    test('amid an answer that it does not read', async () => {
      const client = await open(({ response }) => {
        response.begin(200, 'OK', []);
        response.onDrain = () => void response.write(Buffer.alloc(1_000_000));
        while (response.write(Buffer.alloc(1_000_000)));
      });
      client.socket.pause();
      client.send(GET);
      await eventually('it is full', () => exchanges[0]?.response.isFull === true);
      client.socket.resetAndDestroy();
      await eventually('it is over', () => statuses.length === 1);
      expect(statuses).toEqual([200]);
    });
  });

  test('chunks of a byte each reach their taker together', async () => {
    let pieces = 0;
    let bytes = 0;
    const client = await open((exchange) => {
      exchange.request.body.take({
        onData: (piece) => {
          pieces += 1;
          bytes += piece.length;
        },
        onEnd: () => say(exchange, 'whole'),
        onBroken: () => undefined,
      });
    });
    const count = 20_000;
    client.send(
      `${requestText('POST', '/', ['Transfer-Encoding: chunked'])}${'1\r\nx\r\n'.repeat(count)}0\r\n\r\n`,
    );
    expect(await bodies(client, 1)).toEqual(['whole']);
    expect(bytes).toBe(count);
    expect(pieces).toBeLessThan(count / 50);
  });

  test('what comes while the last answer waits to be read leaves nothing on the socket', async () => {
    const client = await open((exchange) => say(exchange, 'x'.repeat(20_000_000)));
    client.socket.pause();
    client.send(LAST);
    await eventually('it is answered', () => exchanges[0]?.response.isEnded === true);
    const before = listenersOf(socketOf(0));
    for (let round = 0; round < 30; round++) {
      client.send('x');
      await sleep(1);
    }
    await eventually('it was read', () => socketOf(0).bytesRead >= LAST.length + 30);
    expect(listenersOf(socketOf(0))).toEqual(before);
  });

  test('many requests leave nothing on their socket', async () => {
    const client = await open(echo);
    client.send(GET);
    await client.receive();
    const before = listenersOf(socketOf(0));
    for (let round = 0; round < 50; round++) {
      client.send(`${GET}${CHUNKED}`);
      await bodies(client, 2);
    }
    expect(listenersOf(socketOf(100))).toEqual(before);
    expect(statuses).toHaveLength(101);
  });

  describe('the answer', () => {
    async function ask(
      sent: string,
      answer: (exchange: Exchange) => void,
    ): Promise<readonly [RawResponse, RawConnection]> {
      const client = await open(answer);
      client.send(sent);
      return [await client.receive(sent.split(' ', 1)[0]), client];
    }
    const open_ended = ({ response }: Exchange): void => {
      response.begin(200, 'OK', []);
      response.writeSmall(Buffer.from('small '));
      response.write(Buffer.from('and more'));
      response.end();
    };
    const withLength = (exchange: Exchange): void => say(exchange, 'text');
    const withoutBody =
      (status: number) =>
      ({ response }: Exchange): void => {
        response.begin(status, '', []);
        response.write(Buffer.from('no'));
        response.writeSmall(Buffer.from('body'));
        response.end();
      };

    test.each([
      ['HTTP/1.1', GET, open_ended, 'keep-alive', true, 'small and more'],
      ['HTTP/1.1 that closes', LAST, open_ended, 'close', true, 'small and more'],
      ['HTTP/1.0', 'GET / HTTP/1.0\r\n\r\n', withLength, 'close', false, 'text'],
      [
        'HTTP/1.0 that stays',
        'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
        withLength,
        'keep-alive',
        false,
        'text',
      ],
      [
        'HTTP/1.0 that would stay, and no length',
        'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
        open_ended,
        'close',
        false,
        'small and more',
      ],
      ['HEAD', requestText('HEAD', '/'), open_ended, 'keep-alive', false, ''],
      ['204', GET, withoutBody(204), 'keep-alive', false, ''],
      ['304', GET, withoutBody(304), 'keep-alive', false, ''],
    ])('of %s', async (_name, sent, answer, connectionSays, isChunked, body) => {
      const [response, client] = await ask(sent, answer);
      expect(response.header('Connection')).toBe(connectionSays);
      expect(response.header('Keep-Alive')).toBe(
        connectionSays === 'close' ? undefined : 'timeout=3600',
      );
      expect(Date.parse(response.header('Date') ?? '')).toBeLessThanOrEqual(Date.now());
      expect(response.isChunked).toBe(isChunked);
      expect(response.body.toString()).toBe(body);
      if (connectionSays === 'close') {
        expect(await rest(client)).toBe('');
      } else {
        client.send(sent);
        expect((await client.receive(sent.split(' ', 1)[0])).body.toString()).toBe(body);
      }
    });

    test('no header of it can hold a line of its own', async () => {
      const thrown: unknown[] = [];
      const [response] = await ask(GET, (exchange) => {
        for (const value of ['a\r\nX-B: c', 'a\nb', '\0', 'Δ']) {
          try {
            exchange.response.begin(200, 'OK', ['X-A', value]);
          } catch (error) {
            thrown.push(error);
          }
        }
        exchange.request.socket.write('HTTP/1.1 204 No Content\r\n\r\n');
      });
      expect(thrown).toHaveLength(4);
      expect(response.raw.toString()).toBe('HTTP/1.1 204 No Content\r\n\r\n');
    });

    test('100 Continue is said once, to who waits for it, and not behind the head', async () => {
      const client = await open((exchange) => {
        exchange.response.sendContinue();
        exchange.response.sendContinue();
        echo(exchange);
      });
      const expecting = requestText('POST', '/', ['Expect: 100-continue', 'Content-Length: 2']);
      client.send(expecting);
      expect((await client.receive()).raw.toString()).toBe('HTTP/1.1 100 Continue\r\n\r\n');
      client.send('ab');
      expect((await client.receive()).body.toString()).toBe('POST / 2');
      client.send(expecting.replace('HTTP/1.1', 'HTTP/1.0').replace(/$/, 'ab'));
      expect((await client.receive()).body.toString()).toBe('POST / 2');
      expect(await rest(client)).toBe('');
    });

    test('an early one is the last, and none of the body is a next request', async () => {
      const client = await open((exchange) => say(exchange, 'no'));
      client.send(requestText('POST', '/', [`Content-Length: ${2 * GET.length}`]));
      expect((await client.receive()).header('Connection')).toBe('close');
      client.send(GET.repeat(3));
      expect(await rest(client)).toBe('');
      expect(exchanges).toHaveLength(1);
    });

    test('an early one of which the client does not wait for the end comes whole', async () => {
      const size = 20_000_000;
      const client = await open((exchange) => say(exchange, 'x'.repeat(size)));
      client.socket.pause();
      client.send(requestText('POST', '/', ['Transfer-Encoding: chunked']));
      await eventually('it is answered', () => exchanges.length === 1);
      client.end();
      await sleep(20);
      client.socket.resume();
      expect((await client.receive()).body.length).toBe(size);
    });

    test('one to a request whose end is unclear reaches who is still sending', async () => {
      const client = await open((exchange) => say(exchange, 'no'));
      client.send(
        requestText('POST', '/', ['Content-Length: 900000', 'Content-Length: 900000']) +
          'x'.repeat(900_000),
      );
      await eventually('it is answered', () => exchanges.length === 1);
      for (let piece = 0; piece < 9; piece++) {
        client.send('x'.repeat(1_000));
        await nextTurn();
      }
      expect((await client.receive()).body.toString()).toBe('no');
      expect(unread).toEqual([]);
    });

    test('waits for a client that reads slowly, and is whole', async () => {
      let drains = 0;
      const size = 24;
      const client = await open(({ response }) => {
        response.begin(200, 'OK', []);
        let sent = 0;
        const go = (): void => {
          while (sent < size) {
            sent += 1;
            if (!response.write(Buffer.alloc(500_000, 'x'))) return;
          }
          response.onDrain = undefined;
          response.end();
        };
        response.onDrain = () => {
          drains += 1;
          go();
        };
        go();
      });
      client.socket.pause();
      client.send(GET);
      await eventually('it is full', () => exchanges[0]?.response.isFull === true);
      await sleep(20);
      expect(exchanges[0]?.response.backlogBytes).toBeLessThan(2_000_000);
      client.socket.resume();
      expect((await client.receive()).body.length).toBe(size * 500_000);
      expect(drains).toBeGreaterThan(0);
    }, 180_000);
  });

  test('bytes that come one by one cost no time that grows with their square', async () => {
    const client = await open((exchange) => void setTimeout(() => echo(exchange), 50));
    const startedMs = performance.now();
    const size = 30_000;
    const texts = [
      requestText('GET', '/', [`X: ${'x'.repeat(size)}`]),
      requestText('POST', '/', [], 'x'.repeat(size)),
    ];
    for (const text of texts) {
      for (let at = 0; at < text.length; at++) {
        client.send(text.charAt(at));
        if (at % 8 === 0) await nextTurn();
      }
    }
    expect(await bodies(client, 2)).toEqual(['GET / 0', `POST / ${size}`]);
    expect(performance.now() - startedMs).toBeLessThan(20_000);
  }, 180_000);

  test('behind what is no request nothing is served, and a flood of it is cut', async () => {
    const client = await open((exchange) => respond(exchange.response, 'x'));
    client.send(`GET / HTTP/1.1\nHost: x\r\n\r\n${GET}`);
    client.send(GET.repeat(60_000));
    await client.ended();
    expect(exchanges).toEqual([]);
    expect(unread).toEqual([400]);
  });
});
