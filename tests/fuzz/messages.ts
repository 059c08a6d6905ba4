import fc from 'fast-check';
import { damaged } from './damage.ts';

// Of requests and of answers: what is one for a reader of ours, other readers read in the same way. Characters are bytes
// (ISO-8859-1).

const HEADERS = [
  ...['Content-Length: 4', 'Transfer-Encoding: chunked', 'X-A: b'],
  ...['Content-Length: 4', 'Content-Length: 4', 'Content-Length: 0', 'content-length:12'],
  ...['Content-Length: 4, 4', 'Content-Length: 04', 'Content-Length: +4', 'Content-Length : 4'],
  ...['Content-Length: 4 ', 'Content-Length: \t4', 'Content-Length: 4\t', 'Content-Length:\xa04'],
  ...['Transfer-Encoding: chunked', 'Transfer-Encoding: chunked', 'transfer-encoding:chunked '],
  ...['Transfer-Encoding: gzip, chunked', 'Transfer-Encoding: Chunked', 'Transfer-Encoding: x'],
  ...['Transfer-Encoding: identity', 'Connection: close', 'Connection: keep-alive', 'TE: trailers'],
  ...['X-A: b', 'X-A:', 'X-A: \t b ', 'X-A: \t b \t', 'X A: b', ': b', 'X-A: \x01', 'X-A: \xff'],
  ...[' folded', 'X-A: b\nX-B: c', 'X-A: b\rX-B: c', 'Trailer: X-T', 'Keep-Alive: timeout=5'],
  ...['Upgrade: x', 'Connection: upgrade', 'Expect: 100-continue', 'Cookie: a=b', 'Set-Cookie: a'],
];

const BODIES = [
  ...['good', '4\r\ngood\r\n0\r\n\r\n'],
  ...[
    '',
    '',
    'good',
    'good',
    'x'.repeat(12),
    '\r\n',
    'good\r\n\r\n',
    'goodHTTP/1.1 200 OK\r\n\r\n',
  ],
  ...['4\r\ngood\r\n0\r\n\r\n', '4\r\ngood\r\n0\r\n\r\n', '0004\r\ngood\r\n0\r\n\r\n'],
  ...['1\r\na\r\n3\r\nbcd\r\n0\r\nX-T: u\r\n\r\n', '0\r\n\r\n', '0\r\n\r\nmore', 'c\r\n'],
  ...['4;a=b\r\ngood\r\n0\r\n\r\n', '4;a="b\\"c"\r\ngood\r\n0\r\n\r\n', '4 \r\ngood\r\n0\r\n\r\n'],
  ...['4\ngood\n0\n\n', '5\r\ngood\r\n0\r\n\r\n', '4\r\ngood\r\n0\r\n'],
  ...['0\r\nContent-Length: 1\r\n\r\n', '0\r\nX T: u\r\n\r\n'],
];

const SPLINTERS = ['\r', '\n', '\r\n', ' ', '\t', ':', '\0', '0', '4', ';', 'x', '\x80', '"', ','];

/** A message that begins with one of these lines: some of its headers belong to its body, and some do not. */
export function messages(firstLines: readonly string[]): fc.Arbitrary<string> {
  return fc
    .record({
      line: fc.constantFrom(...firstLines),
      headers: fc.array(fc.constantFrom(...HEADERS), { maxLength: 3 }),
      body: fc.constantFrom(...BODIES),
    })
    .map(({ line, headers, body }) => `${[line, ...headers].join('\r\n')}\r\n\r\n${body}`);
}

/** These texts, whole or damaged somewhere. */
export function perhapsDamaged(texts: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return damaged(texts, SPLINTERS);
}
