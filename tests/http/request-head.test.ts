import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { METHODS, createServer } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { Duplex } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { readRequestHead, refuseNonsense } from '../../src/http/request-head.ts';
import type { RequestHead } from '../../src/http/request-head.ts';
import { BadMessage } from '../../src/kernel/wire/bad-message.ts';
import { PartialHead } from '../../src/kernel/wire/partial-head.ts';
import { readBody } from '../../src/listener/read-body.ts';
import { messages, perhapsDamaged } from '../fuzz/messages.ts';
import { anyPlaces, cutAt } from '../fuzz/pieces.ts';
import { LIMIT_MS, fuzz } from '../fuzz/runs.ts';
import { findGo, startGo } from '../support/go.ts';
import type { GoProgram } from '../support/go.ts';
import { openListener } from '../support/open-listener.ts';
import type { OpenListener } from '../support/open-listener.ts';
import { openRawConnection } from '../support/raw-client.ts';

const MAX_HEAD_BYTES = 65_536;
const TURNS = 20;

function headOf(...lines: readonly string[]): RequestHead {
  return readRequestHead(`${lines.join('\r\n')}\r\n\r\n`);
}

/** The head with these headers, of a request that is otherwise in order. */
function withHeaders(...headers: readonly string[]): RequestHead {
  return headOf('POST / HTTP/1.1', 'Host: x', ...headers);
}

describe('readRequestHead', () => {
  test.each([
    ['GET / HTTP/1.1', ['GET', '/', '1.1']],
    ['GET / HTTP/1.0', ['GET', '/', '1.0']],
    ['get * HTTP/1.1', ['get', '*', '1.1']],
    ["M-!#$%&'*+.^_`|~ x HTTP/1.1", ["M-!#$%&'*+.^_`|~", 'x', '1.1']],
    ['GET http://x/?a=b#c HTTP/1.1', ['GET', 'http://x/?a=b#c', '1.1']],
    ['GET /\xf6\x80"<> HTTP/1.1', ['GET', '/\xf6\x80"<>', '1.1']],
    ['CONNECT x:80 HTTP/1.1', ['CONNECT', 'x:80', '1.1']],
    ['PRI * HTTP/2.0', ['PRI', '*', '2.0']],
    [`${'M'.repeat(32)} / HTTP/1.1`, ['M'.repeat(32), '/', '1.1']],
  ])('takes %j', (line, parts) => {
    const { method, url, httpVersion } = headOf(line, 'Host: x');
    expect([method, url, httpVersion]).toEqual(parts);
  });

  test.each([
    ...['', ' ', 'GET', 'GET ', 'GET /', 'GET / ', 'GET / HTTP/1.1 ', ' GET / HTTP/1.1', '/'],
    ...['GET  / HTTP/1.1', 'GET /  HTTP/1.1', 'GET\t/ HTTP/1.1', 'GET / HTTP/11', 'GET / http/1.1'],
    ...[
      'GET / HTTP/1.10',
      'GET / HTTP/01.1',
      'GET / HTTP/1',
      'GET / HTTPS/1.1',
      'GET /a b HTTP/1.1',
    ],
    ...[
      'GET /\x7f HTTP/1.1',
      'GET /\0 HTTP/1.1',
      'GET /\t HTTP/1.1',
      'G:T / HTTP/1.1',
      'G\xe9T / HTTP/1.1',
    ],
    ...[
      '(GET) / HTTP/1.1',
      'GET / HTTP/1.1\r',
      'GET / HTTP/1.1\nX: y',
      `${'M'.repeat(33)} / HTTP/1.1`,
    ],
    ...['HTTP/1.1 200 OK', '\x16\x03\x01\x02'],
  ])('refuses the line %j', (line) => {
    expect(() => headOf(line, 'Host: x')).toThrow(BadMessage);
  });

  test.each([
    ['A: b', ['A', 'b']],
    ['A:b', ['A', 'b']],
    ['A: \t b  ', ['A', 'b']],
    ['A:', ['A', '']],
    ['A:  ', ['A', '']],
    ['A: b: c\td', ['A', 'b: c\td']],
    ['A: \x80\xff', ['A', '\x80\xff']],
    ["!#$%&'*+-.^_`|~09: b", ["!#$%&'*+-.^_`|~09", 'b']],
    ['__proto__: b', ['__proto__', 'b']],
    ['A: b\r\nA: c', ['A', 'b', 'A', 'c']],
  ])('takes the header %j', (text, headers) => {
    expect(withHeaders(text).rawHeaders).toEqual(['Host', 'x', ...headers]);
  });

  test.each([
    ...['A', ': b', 'A : b', 'A\t: b', ' A: b', '\tA: b', 'A: b\r\n c', 'A: b\r\n\tc', 'A b: c'],
    ...['A: b\nB: c', 'A: b\rB: c', 'A: \0', 'A: \x01', 'A: \x7f', 'A: \x0b', 'A\xe9: b', 'A(: b'],
    ...['A\0: b', 'A: b\r', '\rA: b', '\nA: b', 'A: b\n', '"A": b', 'A,B: c', 'A[0]: b', '{: b'],
  ])('refuses the header %j', (text) => {
    expect(() => withHeaders(text)).toThrow(BadMessage);
  });

  test.each([
    [[], 0],
    [['Content-Length: 0'], 0],
    [['content-length:5'], 5],
    [['Content-Length: 0005'], 5],
    [[`Content-Length: ${Number.MAX_SAFE_INTEGER}`], Number.MAX_SAFE_INTEGER],
    [['Transfer-Encoding: chunked'], 'chunked'],
    [['TRANSFER-ENCODING:   chunked '], 'chunked'],
    [['Content_Length: 5'], 0],
  ])('%j: the body is %j long', (headers, length) => {
    expect(withHeaders(...headers).length).toBe(length);
    expect(withHeaders(...headers).isLast).toBe(false);
  });

  test.each([
    ['Content-Length:'],
    ['Content-Length: +5'],
    ['Content-Length: -5'],
    ['Content-Length: 5.0'],
    ['Content-Length: 5e1'],
    ['Content-Length: 0x5'],
    ['Content-Length: 5, 5'],
    ['Content-Length: 5 5'],
    ['Content-Length: \xb2'],
    ['Content-Length: 9007199254740992'],
    [`Content-Length: ${'9'.repeat(400)}`],
    ['Content-Length: 5', 'Content-Length: 5'],
    ['Content-Length: 5', 'content-length: 6'],
    ['Content-Length: 0', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 5'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Transfer-Encoding: identity'],
    ['Transfer-Encoding:'],
    ['Transfer-Encoding: Chunked'],
    ['Transfer-Encoding: chunked, chunked'],
    ['Transfer-Encoding: gzip, chunked'],
    ['Transfer-Encoding: chunked;q=1'],
    ['Transfer-Encoding: identity'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding: chunked,'],
    ['Transfer-Encoding: \xa0chunked'],
  ])('%j: where the body ends is unclear, and the request the last', (...headers) => {
    expect(withHeaders(...headers)).toMatchObject({ length: 'unclear', isLast: true });
  });

  test.each([
    ['HTTP/1.0', 'Transfer-Encoding: chunked'],
    ['HTTP/1.2', 'Content-Length: 5'],
    ['HTTP/0.9', 'X: y'],
    ['HTTP/2.0', 'Content-Length: 0'],
  ])('so is it in %s with %s', (version, header) => {
    const head = headOf(`POST / ${version}`, 'Connection: keep-alive', header);
    expect(head).toMatchObject({ length: 'unclear', isLast: true });
  });

  test.each([
    ['GET', '1.1', [], false],
    ['GET', '1.1', ['Connection: close'], true],
    ['GET', '1.1', ['connection: X-A,CLOSE , b'], true],
    ['GET', '1.1', ['Connection: keep-alive', 'Connection: close'], true],
    ['GET', '1.1', ['Connection: closed, not-close'], false],
    ['GET', '1.1', ['Connection: close-x'], false],
    ['GET', '1.1', ['Upgrade: h2c'], true],
    ['GET', '1.1', ['Connection: upgrade'], false],
    ['CONNECT', '1.1', [], true],
    ['GET', '1.0', [], true],
    ['GET', '1.0', ['Connection: Keep-Alive'], false],
    ['GET', '1.0', ['Connection: keep-alive, close'], true],
    ['GET', '1.0', ['Keep-Alive: timeout=5'], true],
  ])('%s in HTTP/%s with %j: the last is %j', (method, version, headers, isLast) => {
    expect(headOf(`${method} / HTTP/${version}`, 'Host: x', ...headers).isLast).toBe(isLast);
  });

  test.each([
    ['HTTP/1.1', '100-Continue', true],
    ['HTTP/1.0', '100-continue', false],
    ['HTTP/1.1', '100-continued', false],
    ['HTTP/1.1', '', false],
  ])('%s with Expect: %s waits to be told to go on: %j', (version, value, isSo) => {
    expect(headOf(`POST / ${version}`, `Expect: ${value}`).expectsContinue).toBe(isSo);
  });
});

describe('refuseNonsense', () => {
  /** How many bytes come, one by one, before they are refused; all of them and one more where they are not. */
  function refusedAt(text: string): number {
    const head = new PartialHead(refuseNonsense);
    for (let at = 0; at < text.length; at++) {
      try {
        head.add(Buffer.from(text.charAt(at), 'latin1'), 0, MAX_HEAD_BYTES);
      } catch (error) {
        if (error instanceof BadMessage) return at + 1;
        throw error;
      }
    }
    return text.length + 1;
  }

  test.each([
    ['\x16\x03\x01', 1],
    ['\n', 1],
    [' GET', 1],
    ['GET / HTTP/1.1\n', 15],
    ['GET / HTTP/1.1\r\nA: b\n', 21],
    ['GET / HTTP/1.1\r\nA: \0', 20],
    ['GET / HTTP/1.9x\r\n', 17],
    ['GET /  HTTP/1.1\r\nA: b', 17],
    ['HTTP/1.1 200 OK\r\n', 5],
    ['{"a": 1}', 1],
    ['M'.repeat(50), 33],
    ['SSH-2.0-OpenSSH_9.0\r\n', 21],
  ])('%j is refused with byte %d', (text, at) => {
    expect(refusedAt(text)).toBe(at);
  });

  test.each([
    'GET /',
    `GET /${'x'.repeat(5_000)}`,
    'GET / HTTP/1.1\r\nHost: x\r\nA: b\tc \xff',
    'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    `${'M'.repeat(32)} / HTTP/1.1\r\n`,
  ])('%.40j may be one', (text) => {
    expect(refusedAt(text)).toBe(text.length + 1);
  });

  test('a head may be as long as it is allowed to, however it comes', () => {
    const frame = 'GET / HTTP/1.1\r\nX: \r\n\r\n'.length;
    for (const [extra, isTaken] of [
      [0, true],
      [1, false],
    ] as const) {
      const value = 'x'.repeat(MAX_HEAD_BYTES - frame + extra);
      const bytes = Buffer.from(`GET / HTTP/1.1\r\nX: ${value}\r\n\r\n`);
      const add = (): void => {
        const head = new PartialHead(refuseNonsense);
        head.add(bytes.subarray(0, 30_000), 0, MAX_HEAD_BYTES);
        head.add(bytes.subarray(30_000), 0, MAX_HEAD_BYTES);
      };
      if (isTaken) expect(add).not.toThrow();
      else expect(add).toThrow(expect.objectContaining({ isTooLong: true }));
    }
  });
});

/** A request that was read to its end. */
interface Read {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: string;
}

/** Node's own server over the same bytes: llhttp. */
async function readByNode(bytes: Buffer): Promise<readonly Read[]> {
  const found: Read[] = [];
  const stream = new Duplex({ read: () => undefined, write: (_bytes, _encoding, done) => done() });
  const server = createServer({ insecureHTTPParser: false, requireHostHeader: false });
  server.maxHeadersCount = 0;
  const onRequest = (request: IncomingMessage, end: () => void): void => {
    const body: Buffer[] = [];
    request.on('data', (piece: Buffer) => body.push(piece));
    request.on('error', () => undefined);
    request.on('end', () => {
      const { method = '', url = '', rawHeaders: headers } = request;
      found.push({ method, url, headers, body: Buffer.concat(body).toString('latin1') });
      end();
    });
  };
  server.on('request', (request, response) => onRequest(request, () => response.end()));
  server.on('checkContinue', (request, response) => onRequest(request, () => response.end()));
  server.on('checkExpectation', (request, response) => onRequest(request, () => response.end()));
  server.on('clientError', () => undefined);
  server.emit('connection', stream);
  stream.push(bytes);
  // Nothing of it waits for anything but its turn. At the end of the stream Node would forget what it has not told yet.
  for (let turn = 0; turn < TURNS; turn++) await nextTurn();
  stream.destroy();
  return found;
}

const testWithGo = findGo('requests are not compared with what Go reads') ? test : test.skip;

describe('requests', () => {
  let listener: OpenListener;
  let go: GoProgram | undefined;
  let taken: Read[] = [];

  beforeAll(async () => {
    listener = await openListener((exchange) => {
      const { request, response } = exchange;
      if (request.body.length === 'unclear') {
        response.begin(400, '', ['Content-Length', '0']);
        exchange.finish();
        return;
      }
      readBody(exchange, { maxBytes: 1_000_000, timeoutMs: 0 }).then(
        (body) => {
          const { method, url, rawHeaders: headers } = request;
          taken.push({ method, url, headers, body: body.toString('latin1') });
          response.begin(200, '', ['Content-Length', '0']);
          exchange.finish();
        },
        () => undefined,
      );
    });
  });

  afterAll(async () => {
    await go?.stop();
    await listener.listener.stop();
  });

  /** What our server takes, and all that it writes but what depends on the moment at which the client ends its side. */
  async function readByOurs(
    pieces: readonly string[],
  ): Promise<{ readonly requests: readonly Read[]; readonly written: string }> {
    taken = [];
    const client = await openRawConnection(listener.port);
    for (const piece of pieces) {
      if (client.socket.destroyed) break;
      client.send(Buffer.from(piece, 'latin1'));
      if (pieces.length > 1) await nextTurn();
    }
    client.end();
    await client.ended();
    const written = client.pending
      .toString('latin1')
      .replace(/(?:Date|Connection|Keep-Alive): .*\r\n/g, '');
    client.destroy();
    return { requests: taken, written };
  }

  const LINES = [
    ...['GET / HTTP/1.1', 'GET / HTTP/1.1', 'POST /w?db=d HTTP/1.1', 'POST /w HTTP/1.1'],
    ...['PUT /a%20b HTTP/1.1', 'DELETE /x HTTP/1.1', 'HEAD / HTTP/1.1', 'POST / HTTP/1.0'],
    ...[
      'GET /  HTTP/1.1',
      'GET / HTTP/1.2',
      'get / HTTP/1.1',
      'GET / http/1.1',
      '\r\nGET / HTTP/1.1',
    ],
  ];
  const streams = fc.record({
    text: perhapsDamaged(
      fc
        .array(messages(LINES.map((line) => `${line}\r\nHost: x`)), { minLength: 1, maxLength: 3 })
        .map((requests) => requests.join('')),
    ),
    places: anyPlaces(5),
  });

  interface GoRequest {
    readonly method: string;
    readonly body: string;
    readonly whole: boolean;
  }

  testWithGo(
    'what is taken for one llhttp and Go read in the same way, and how the bytes are cut into pieces changes nothing',
    async () => {
      go = startGo('connections.go');
      let whole = 0;
      await fuzz('requests', 1_000, streams, async ({ text, places }) => {
        const ours = await readByOurs([text]);
        expect(await readByOurs(cutAt(text, places))).toEqual(ours);
        const { requests } = ours;
        whole += requests.length;
        if (requests.length === 0) return;
        // What Node does not take for a method or a target is refused later, in words that help.
        const odd = requests.findIndex(
          ({ method, url }) => !METHODS.includes(method) || !/^\/[!-~]*$/.test(url),
        );
        const known = odd < 0 ? requests : requests.slice(0, odd);
        const bytes = Buffer.from(text, 'latin1');
        expect((await readByNode(bytes)).slice(0, known.length)).toEqual(known);
        const answer = (await go?.ask(`read ${bytes.toString('hex')}`)) as {
          readonly requests: readonly GoRequest[];
        };
        const byGo = answer.requests
          .slice(0, requests.length)
          .map((each) => [
            each.method,
            Buffer.from(each.body, 'hex').toString('latin1'),
            each.whole,
          ]);
        expect(byGo).toEqual(requests.map(({ method, body }) => [method, body, true]));
      });
      expect(whole).toBeGreaterThan(100);
    },
    LIMIT_MS,
  );
});
