import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { request } from 'node:http';
import { Duplex } from 'node:stream';
import { BadMessage } from '../../src/kernel/wire/bad-message.ts';
import { AnswerReader } from '../../src/proxy/answer-reader.ts';
import { messages, perhapsDamaged } from '../fuzz/messages.ts';
import { anyPlaces, cutAt } from '../fuzz/pieces.ts';
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
function readPieces(pieces: readonly string[], method = 'GET'): Outcome {
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
    for (const piece of pieces.map(bytesOf)) {
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

function bytesOf(text: string): Buffer {
  return Buffer.from(text, 'latin1');
}

const CHUNKED = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n';

describe('AnswerReader', () => {
  function gives(text: string, body: string, excess = 0, method = 'GET'): void {
    test(`${method} ${JSON.stringify(text.slice(0, 120))} is ${JSON.stringify(body.slice(0, 60))}`, () => {
      for (const pieces of [[text], Array.from(text)]) {
        expect(readPieces(pieces, method)).toMatchObject({ kind: 'whole', body, excess });
      }
    });
  }

  function ends(kind: 'more' | 'refused', text: string): void {
    test(`${JSON.stringify(text.slice(0, 120))}: ${kind}`, () => {
      for (const pieces of [[text], Array.from(text)]) {
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
      expect(readPieces([text]).kind).toBe(kind);
      expect(readPieces(cutAt(text, [0.0001, 0.2, 0.8])).kind).toBe(kind);
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
function readByNode(pieces: readonly string[], method: string): Promise<Reading | undefined> {
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
        for (const piece of pieces) stream.push(bytesOf(piece));
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
const INTERIM = [
  '',
  '',
  '',
  '',
  'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n',
  'HTTP/1.1 102 P\r\n\r\n',
];
const answers = fc.record({
  text: perhapsDamaged(
    fc
      .tuple(fc.constantFrom(...INTERIM), messages(STATUS_LINES))
      .map(([interim, answer]) => interim + answer),
  ),
  method: fc.constantFrom('GET', 'GET', 'GET', 'HEAD'),
  places: anyPlaces(5),
});

test(
  'what it takes for an answer llhttp reads in the same way, and how it was cut into pieces changes nothing',
  async () => {
    let whole = 0;
    await fuzz('answers', 2_000, answers, async ({ text, method, places }) => {
      const ours = readPieces([text], method);
      expect(readPieces(cutAt(text, places), method)).toEqual(ours);
      if (ours.kind !== 'whole') return;
      whole += 1;
      const { status, headers, body } = ours;
      const own = text.slice(0, text.length - ours.excess);
      const theirs = await readByNode(cutAt(own, places), method);
      expect(theirs).toEqual({ status, headers, body });
    });
    expect(whole).toBeGreaterThan(100);
  },
  LIMIT_MS,
);
