import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { BadMessage } from '../../src/kernel/wire/bad-message.ts';
import { AnswerReader } from '../../src/proxy/answer-reader.ts';
import { LIMIT_MS, fuzz } from '../fuzz/runs.ts';

/** What was read of an answer. */
interface Reading {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
}

type Outcome =
  | (Reading & { readonly kind: 'whole'; readonly excess: number })
  | { readonly kind: 'more' | 'refused' };

/** Reads pieces, and then the end of the connection. */
function readPieces(pieces: readonly Buffer[], method = 'GET'): Outcome {
  let status = 0;
  let headers: readonly string[] = [];
  const body: Buffer[] = [];
  const reader = new AnswerReader(method, {
    onHead: (head) => {
      status = head.status;
      headers = head.headers;
    },
    onData: (piece) => void body.push(Buffer.from(piece)),
  });
  let excess = 0;
  try {
    for (const piece of pieces) {
      if (reader.isWhole) excess += piece.length;
      else if (piece.length > 0) excess += piece.length - reader.read(piece);
    }
  } catch (error) {
    if (error instanceof BadMessage) return { kind: 'refused' };
    throw error;
  }
  if (!reader.isWhole && !reader.endsHere()) return { kind: 'more' };
  return { kind: 'whole', status, headers, body: Buffer.concat(body).toString('latin1'), excess };
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

function split(text: string, at: readonly number[]): Buffer[] {
  const places = [0, ...[...at].map((each) => each % (text.length + 1)).sort((a, b) => a - b)];
  return places.map((from, index) => Buffer.from(text.slice(from, places[index + 1]), 'latin1'));
}

function everyByte(text: string): Buffer[] {
  return Array.from({ length: text.length }, (_, at) => Buffer.from(text.charAt(at), 'latin1'));
}

describe('AnswerReader', () => {
  function gives(text: string, body: string, excess = 0, method = 'GET'): void {
    test(`${method} ${JSON.stringify(text.slice(0, 120))} is ${JSON.stringify(body.slice(0, 60))}`, () => {
      for (const pieces of [[Buffer.from(text, 'latin1')], everyByte(text)]) {
        expect(readPieces(pieces, method)).toMatchObject({ kind: 'whole', body, excess });
      }
    });
  }

  function ends(kind: 'more' | 'refused', text: string): void {
    test(`${JSON.stringify(text.slice(0, 120))}: ${kind}`, () => {
      for (const pieces of [[Buffer.from(text, 'latin1')], everyByte(text)]) {
        expect(readPieces(pieces)).toEqual({ kind });
      }
    });
  }

  describe('takes a body as it is framed', () => {
    gives('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood', 'good');
    gives('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngoodevil', 'good', 4);
    gives('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nevil', '', 4);
    gives('HTTP/1.1 204 No Content\r\n\r\nevil', '', 4);
    gives('HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil', '', 4);
    gives('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil', '', 4, 'HEAD');
    gives('HTTP/1.1 200 OK\r\n\r\nto the end', 'to the end');
    gives(`${CHUNKED}4\r\ngood\r\n0\r\n\r\n`, 'good');
    gives(`${CHUNKED}4\r\ngood\r\n0\r\n\r\nevil`, 'good', 4);
    gives(`${CHUNKED}1\r\na\r\n00B\r\nbcdefghijkl\r\n0\r\n\r\n`, 'abcdefghijkl');
    gives(`${CHUNKED}4;a\r\ngood\r\n0;b=c;d="e f;g"\r\n\r\n`, 'good');
    gives(`${CHUNKED}4\r\ngood\r\n0\r\nX-Trailer: evil\r\nX-B:\r\n\r\n`, 'good');
    gives(`${CHUNKED}4\r\n\r\n\r\n\r\n0\r\n\r\n`, '\r\n\r\n');
    gives(
      'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 X\r\nA: b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx',
      'x',
    );
  });

  describe('waits for what has not come', () => {
    ends('more', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\ngood');
    ends('more', 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n');
    ends('more', 'HTTP/1.1 103 Early Hints\r\n\r\n');
    ends('more', `${CHUNKED}4\r\ngood\r\n0\r\n`);
    ends('more', `${CHUNKED}4\r\ngood\r\n0\r\nX-A: b\r\n`);
    ends('more', `${CHUNKED}4\r\ngood`);
    ends('more', `${CHUNKED}4`);
  });

  describe('refuses what is no answer, as soon as it can', () => {
    ends('refused', 'garbage');
    ends('refused', 'HTTP/2');
    ends('refused', '\x15\x03\x01');
    ends('refused', 'HTTP/1.1 200 OK\nX');
    ends('refused', 'HTTP/1.1 200 OK\r\nX-A: b\n\n');
    ends('refused', 'HTTP/1.1 100 Continue\r\n\r\n');
    ends('refused', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n');
    ends('refused', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(256 * 1024)}`);
    ends('refused', 'HTTP/1.1 102 P\r\n\r\n'.repeat(16 * 1024));
    const sizes = [
      '',
      ' 4',
      '4 ',
      '4\t',
      '+4',
      '-4',
      '0x4',
      '4.',
      'g',
      '4,',
      '4\x00',
      '4\r',
      '\x0b4',
    ];
    for (const size of sizes) ends('refused', `${CHUNKED}${size}\r\ngood\r\n0\r\n\r\n`);
    ends('refused', `${CHUNKED}${'0'.repeat(13)}4\r\n`);
    ends('refused', `${CHUNKED}FFFFFFFFFFFFFFFF\r\n`);
    ends('refused', `${CHUNKED}4\ngood`);
    for (const extension of ['; a', ' ;a', ';', ';a=', ';a="', ';a="\r\n"', ';a=b c', ';a\x00']) {
      ends('refused', `${CHUNKED}4${extension}\r\ngood\r\n0\r\n\r\n`);
    }
    ends('refused', `${CHUNKED}4;${'a'.repeat(256)}`);
    ends('refused', `${CHUNKED}4\r\ngoodevil\r\n`);
    ends('refused', `${CHUNKED}4\r\ngood\n`);
    ends('refused', `${CHUNKED}4\r\ngood0\r\n\r\n`);
    ends('refused', `${CHUNKED}0\r\nno header\r\n`);
    ends('refused', `${CHUNKED}0\r\n folded: x\r\n`);
    ends('refused', `${CHUNKED}0\r\nX-A: b\n`);
    ends('refused', `${CHUNKED}0\r\nContent-Length: 5\r\n`);
    ends('refused', `${CHUNKED}0\r\ntransfer-encoding: chunked\r\n`);
    ends('refused', `${CHUNKED}0\r\n${'X-A: b\r\n'.repeat(2_049)}`);
  });

  test('a head of 256 KiB passes, and one byte more does not', () => {
    const frame = 'HTTP/1.1 200 OK\r\nX: \r\nContent-Length: 0\r\n\r\n'.length;
    for (const [extra, kind] of [
      [0, 'whole'],
      [1, 'refused'],
    ] as const) {
      const value = 'x'.repeat(256 * 1024 - frame + extra);
      const text = `HTTP/1.1 200 OK\r\nX: ${value}\r\nContent-Length: 0\r\n\r\n`;
      expect(readPieces([Buffer.from(text)]).kind).toBe(kind);
      expect(readPieces(split(text, [7, 50_000, 200_000])).kind).toBe(kind);
    }
  });

  test('a head that comes byte by byte costs no time that grows with its square', () => {
    const reader = new AnswerReader('GET', { onHead: () => undefined, onData: () => undefined });
    const startedMs = performance.now();
    reader.read(Buffer.from('HTTP/1.1 200 OK\r\nX: '));
    for (let byte = 0; byte < 200_000; byte++) reader.read(Buffer.from('x'));
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});

/** Node's own client over the same bytes: llhttp. Undefined where it saw no whole answer. */
function readByNode(pieces: readonly Buffer[], method: string): Promise<Reading | undefined> {
  return new Promise((resolve) => {
    const stream = new Duplex({
      read: () => undefined,
      write: (_bytes, _encoding, done) => {
        done();
      },
    });
    const outgoing = request({ method, createConnection: () => stream });
    let hasAnswer = false;
    outgoing.on('error', () => undefined);
    outgoing.on('upgrade', () => outgoing.destroy());
    outgoing.on('close', () => {
      if (!hasAnswer) resolve(undefined);
    });
    outgoing.on('response', (response) => {
      hasAnswer = true;
      const body: Buffer[] = [];
      response.on('data', (piece: Buffer) => body.push(piece));
      response.on('error', () => undefined);
      response.on('close', () => {
        stream.destroy();
        const { statusCode: status = 0, rawHeaders: headers, complete } = response;
        const text = Buffer.concat(body).toString('latin1');
        resolve(complete ? { status, headers, body: text } : undefined);
      });
    });
    outgoing.on('socket', () => {
      setImmediate(() => {
        for (const piece of pieces) stream.push(piece);
        stream.push(null);
      });
    });
    outgoing.end();
  });
}

const STATUS_LINES = [
  ...['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.1 200 OK', 'HTTP/1.1 204 No Content'],
  ...['HTTP/1.1 304 Not Modified', 'HTTP/1.0 200 OK', 'HTTP/1.1 299', 'HTTP/1.1 404 \xe9\t!'],
  ...[
    'HTTP/1.2 200 OK',
    'HTTP/2.0 200 OK',
    'HTTP/1.1  200 OK',
    'HTTP/1.1 2000 OK',
    'HTTP/1.1 600 X',
  ],
];
const HEADERS = [
  ...['Content-Length: 4', 'Content-Length: 4', 'Content-Length: 0', 'content-length:12'],
  ...['Content-Length: 4, 4', 'Content-Length: 04', 'Content-Length: +4', 'Content-Length : 4'],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', 'transfer-encoding:chunked '],
  ...[
    'Transfer-Encoding: gzip, chunked',
    'Transfer-Encoding: Chunked',
    'Transfer-Encoding: identity',
  ],
  ...['Connection: close', 'Connection: keep-alive', 'X-A: b', 'X-A:', 'X-A: \t b \t', ' folded'],
  ...[
    'X A: b',
    ': b',
    'X-A: \x01',
    'X-A: \xff',
    'X-A: b\nX-B: c',
    'X-A: b\rX-B: c',
    'Trailer: X-T',
  ],
  ...['Set-Cookie: a=b', 'Keep-Alive: timeout=5', 'Upgrade: x', 'Connection: upgrade'],
];
const BODIES = [
  ...['', 'good', 'good', 'goodHTTP/1.1 200 OK\r\n\r\n', 'x'.repeat(12)],
  ...[
    '4\r\ngood\r\n0\r\n\r\n',
    '4\r\ngood\r\n0\r\n\r\n',
    '1\r\na\r\n3\r\nbcd\r\n0\r\nX-T: u\r\n\r\n',
  ],
  ...[
    '4;a=b\r\ngood\r\n0\r\n\r\n',
    '4;a="b\\"c"\r\ngood\r\n0\r\n\r\n',
    '0004\r\ngood\r\n0\r\n\r\n',
  ],
  ...['4 \r\ngood\r\n0\r\n\r\n', '4\ngood\n0\n\n', '5\r\ngood\r\n0\r\n\r\n', '0\r\n\r\nmore'],
  ...['0\r\nContent-Length: 1\r\n\r\n', '0\r\nX T: u\r\n\r\n', '4\r\ngood\r\n0\r\n', 'c\r\n'],
];
const INTERIM = [
  '',
  '',
  '',
  '',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n',
  'HTTP/1.1 102 P\r\n\r\n',
];
const DAMAGE = ['\r', '\n', '\r\n', ' ', '\t', ':', '\x00', '0', '4', ';', 'x', '\x80', '"'];

const answers = fc
  .record({
    interim: fc.constantFrom(...INTERIM),
    line: fc.constantFrom(...STATUS_LINES),
    headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 3 }),
    body: fc.constantFrom(...BODIES),
    damage: fc.option(
      fc.record({
        at: fc.nat(),
        cut: fc.integer({ min: 0, max: 2 }),
        put: fc.constantFrom('', ...DAMAGE),
      }),
      { freq: 2 },
    ),
    method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
    splits: fc.array(fc.nat(), { maxLength: 5 }),
  })
  .map(({ interim, line, headers, body, damage, method, splits }) => {
    const text = `${interim}${[line, ...headers].join('\r\n')}\r\n\r\n${body}`;
    if (damage === null) return { text, method, splits };
    const at = damage.at % (text.length + 1);
    return {
      text: `${text.slice(0, at)}${damage.put}${text.slice(at + damage.cut)}`,
      method,
      splits,
    };
  });

test(
  'what it takes for an answer llhttp reads in the same way, and how it was cut into pieces changes nothing',
  async () => {
    let whole = 0;
    await fuzz('answers', 2_000, answers, async ({ text, method, splits }) => {
      const pieces = split(text, splits);
      const ours = readPieces(pieces, method);
      expect(readPieces([Buffer.from(text, 'latin1')], method)).toEqual(ours);
      if (ours.kind !== 'whole') return;
      whole += 1;
      const { status, headers, body } = ours;
      const own = text.slice(0, text.length - ours.excess);
      const theirs = await readByNode(split(own, splits), method);
      expect(theirs).toEqual({ status, headers, body });
    });
    expect(whole).toBeGreaterThan(100);
  },
  LIMIT_MS,
);
