import { describe, expect, test } from '@jest/globals';
import { BadMessage } from '../../src/kernel/wire/bad-message.ts';
import { readAnswerHead } from '../../src/proxy/answer-head.ts';

const MINUTE_MS = 60_000;

describe('readAnswerHead', () => {
  function reads(head: string, want: object, method = 'GET'): void {
    test(`${method}: ${JSON.stringify(head)}`, () => {
      expect(readAnswerHead(`${head}\r\n\r\n`, method)).toMatchObject(want);
    });
  }

  describe('reads', () => {
    reads('HTTP/1.1 200 OK', { status: 200, reason: 'OK', headers: [], body: 'until-close' });
    reads('HTTP/1.1 200', { status: 200, reason: '' });
    reads('HTTP/1.1 200 ', { status: 200, reason: '' });
    reads('HTTP/1.1 299 Odd \xe9\tPhrase', { status: 299, reason: 'Odd \xe9\tPhrase' });
    reads('HTTP/1.1 200 OK\r\nContent-Length: 5', { body: 5, keepAliveMs: MINUTE_MS });
    reads('HTTP/1.1 200 OK\r\ncOnTeNt-LeNgTh:5', { body: 5 });
    reads('HTTP/1.1 200 OK\r\nContent-Length: \t 007 ', { body: 7 });
    reads('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', { body: 'chunked' });
    reads('HTTP/1.1 200 OK\r\nX-A: \t a  b  \r\nx-a:\r\nX-C: \xff:', {
      headers: ['X-A', 'a  b', 'x-a', '', 'X-C', '\xff:'],
    });
    reads('HTTP/1.1 304 Not Modified\r\nContent-Length: 5', { body: 0 });
    reads('HTTP/1.1 204 No Content', { body: 0 });
    reads('HTTP/1.1 204 No Content\r\nContent-Length: 0', { body: 0 });
    reads('HTTP/1.1 103 Early Hints\r\nLink: </a>', { status: 103, body: 0 });
    reads('HTTP/1.1 200 OK\r\nContent-Length: 5', { body: 0 }, 'HEAD');
    reads('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked', { body: 0 }, 'HEAD');
    reads('HTTP/1.1 200 OK', { body: 0 }, 'HEAD');
  });

  describe('says how long the connection may be used again', () => {
    const length = '\r\nContent-Length: 0';
    reads(`HTTP/1.1 200 OK${length}\r\nConnection: close`, { keepAliveMs: 0 });
    reads(`HTTP/1.1 200 OK${length}\r\nConnection: X-A, Close`, { keepAliveMs: 0 });
    reads(`HTTP/1.1 200 OK${length}\r\nConnection: X-A\r\nConnection: close`, { keepAliveMs: 0 });
    reads(`HTTP/1.1 200 OK${length}\r\nConnection: x-close`, { keepAliveMs: MINUTE_MS });
    reads(`HTTP/1.1 200 OK${length}\r\nConnection: keep-alive`, { keepAliveMs: MINUTE_MS });
    reads(`HTTP/1.0 200 OK${length}`, { keepAliveMs: 0, body: 0 });
    reads(`HTTP/1.0 200 OK${length}\r\nConnection: keep-alive`, { keepAliveMs: 0 });
    reads(`HTTP/1.1 200 OK${length}\r\nKeep-Alive: timeout=5, max=9`, { keepAliveMs: 4_000 });
    reads(`HTTP/1.1 200 OK${length}\r\nKeep-Alive: timeout=1`, { keepAliveMs: 0 });
    reads(`HTTP/1.1 200 OK${length}\r\nKeep-Alive: timeout=0`, { keepAliveMs: 0 });
    reads(`HTTP/1.1 200 OK${length}\r\nKeep-Alive: timeout=3600`, { keepAliveMs: MINUTE_MS });
    reads(`HTTP/1.1 200 OK${length}\r\nKeep-Alive: timeout=x`, { keepAliveMs: MINUTE_MS });
  });

  function refuses(head: string, why: RegExp, method = 'GET'): void {
    test(`${method}: ${JSON.stringify(head.slice(0, 100))}`, () => {
      const read = (): unknown => readAnswerHead(`${head}\r\n\r\n`, method);
      expect(read).toThrow(BadMessage);
      expect(read).toThrow(why);
    });
  }

  describe('refuses', () => {
    for (const line of [
      ...['', 'HTTP/1.1', 'HTTP/1.1 ', 'HTTP/1.1 20', 'HTTP/1.1 2000 OK', 'HTTP/1.1 2xx OK'],
      ...['HTTP/1.1 099 OK', 'HTTP/1.1  200 OK', 'HTTP/1.1\t200 OK', 'HTTP/1.1 200OK'],
      ...['HTTP/1.2 200 OK', 'HTTP/2.0 200 OK', 'HTTP/0.9 200 OK', 'HTTP/1.10 200 OK'],
      ...['HTTP/11 200 OK', 'http/1.1 200 OK', ' HTTP/1.1 200 OK', '\r\nHTTP/1.1 200 OK'],
      ...['\nHTTP/1.1 200 OK', 'ICY 200 OK', 'GET / HTTP/1.1', 'SSH-2.0-x'],
    ]) {
      refuses(line, /status line/);
    }
    refuses('HTTP/1.1 200 O\x00K', /character/);
    refuses('HTTP/1.1 200 OK\nX-A: b', /character/);
    for (const character of ['\x00', '\x01', '\x0b', '\x1f', '\x7f', '\r', '\n', '\n X-B: ']) {
      refuses(`HTTP/1.1 200 OK\r\nX-A: a${character}b`, /character/);
    }
    for (const line of ['X-A: b\t', 'Content-Length: 4 \t ']) {
      refuses(`HTTP/1.1 200 OK\r\n${line}`, /character/);
    }
    refuses('HTTP/1.1 200 OK\r\nX-A: b\r', /character/);
    refuses('HTTP/1.1 200 OK\r\nX-A: b\nContent-Length: 5', /character/);
    for (const line of ['X-A', ' X-A: folded', '\tX-A: folded', ': b', 'X A: b', 'X-A : b']) {
      refuses(`HTTP/1.1 200 OK\r\nX-B: b\r\n${line}`, /header/);
    }
    for (const name of ['X-A\t', 'X(A', 'X-\xe4', 'X/A', '"X"', 'X[0]', 'X@']) {
      refuses(`HTTP/1.1 200 OK\r\n${name}: b`, /proper name/);
    }
    refuses(`HTTP/1.1 200 OK${'\r\na: b'.repeat(1_001)}`, /too many/);
    for (const length of [
      ...['', '-1', '+1', '1.0', '1e1', '0x1', '1 1', '1,1', '5, 5', '5;', 'five', '１'],
      ...['9007199254740992', '99999999999999999999', 'Infinity'],
    ]) {
      refuses(`HTTP/1.1 200 OK\r\nContent-Length: ${length}`, /length|character/i);
    }
    refuses('HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6', /more than one/);
    refuses('HTTP/1.1 200 OK\r\nContent-Length: 5\r\ncontent-length: 5', /more than one/);
    for (const coding of [
      ...['', 'Chunked', 'gzip', 'identity', 'gzip, chunked', 'chunked, chunked', 'chunked, gzip'],
      ...['chunked;q=1', 'xchunked', 'chunked,', '\x0bchunked', '"chunked"'],
    ]) {
      refuses(`HTTP/1.1 200 OK\r\nTransfer-Encoding: ${coding}`, /Transfer-Encoding|character/);
    }
    const chunked = 'Transfer-Encoding: chunked';
    refuses(`HTTP/1.1 200 OK\r\n${chunked}\r\n${chunked}`, /other than/);
    refuses(`HTTP/1.1 200 OK\r\n${chunked}\r\nContent-Length: 5`, /beside/);
    refuses(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${chunked}`, /beside/);
    refuses(`HTTP/1.1 200 OK\r\nContent-Length: 0\r\n${chunked}`, /beside/, 'HEAD');
    refuses(`HTTP/1.0 200 OK\r\n${chunked}`, /knows no/);
    for (const status of [204, 102, 103]) {
      refuses(`HTTP/1.1 ${status} X\r\nContent-Length: 5`, /which has none/);
      refuses(`HTTP/1.1 ${status} X\r\n${chunked}`, /which has none/);
    }
  });

  test('the time that it takes does not grow with the square of a hostile head', () => {
    const hostile = [
      `X: ${' '.repeat(250_000)}\x00`,
      `X: ${'\t'.repeat(250_000)}`,
      'x'.repeat(250_000),
      `Keep-Alive: ${'timeout='.repeat(30_000)}`,
      `Connection: ${'close'.repeat(50_000)}`,
    ];
    const startedMs = performance.now();
    for (const line of hostile) {
      try {
        readAnswerHead(`HTTP/1.1 200 OK\r\n${line}\r\n\r\n`, 'GET');
      } catch (error) {
        expect(error).toBeInstanceOf(BadMessage);
      }
    }
    // The square of it would take minutes.
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
