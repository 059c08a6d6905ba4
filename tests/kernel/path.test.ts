import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { cleanPath, encodePath, joinClean, parentOf } from '../../src/kernel/path.ts';
import { muxPath, parseRequestUri } from './go-reading.ts';

/** Absolute paths that are full of dots and slashes. */
const path = fc
  .array(fc.constantFrom('/', '//', '.', '..', '...', 'a', '.b', 'c.', '管', '%2e', ' '), {
    maxLength: 9,
  })
  .map((pieces) => `/${pieces.join('')}`);

describe('cleanPath', () => {
  function cleans(from: string, to: string): void {
    test(`"${from}" becomes "${to}"`, () => {
      expect(cleanPath(from)).toBe(to);
    });
  }

  cleans('/', '/');
  cleans('//', '/');
  cleans('/.', '/');
  cleans('/./', '/');
  cleans('/..', '/');
  cleans('/../', '/');
  cleans('/a/', '/a/');
  cleans('/a//', '/a/');
  cleans('/a/.', '/a');
  cleans('/a/./', '/a/');
  cleans('/a/b/..', '/a');
  cleans('/a/b/../', '/a/');
  cleans('/a/../../b', '/b');
  cleans('/.a/..b/c..', '/.a/..b/c..');
  cleans('/a/.../b', '/a/.../b');
  cleans('/%2e%2e/a', '/%2e%2e/a');

  test('every path becomes what Kapacitor makes of it', () => {
    fc.assert(
      fc.property(path, (dirty) => {
        expect(cleanPath(dirty)).toBe(muxPath(Buffer.from(dirty)).toString());
      }),
      { numRuns: 5000 },
    );
  });

  test('a clean path stays as it is', () => {
    fc.assert(
      fc.property(path, (dirty) => {
        expect(cleanPath(cleanPath(dirty))).toBe(cleanPath(dirty));
      }),
    );
  });

  test('a path of a million slashes is cleaned at once', () => {
    const started = performance.now();
    expect(cleanPath(`${'/'.repeat(1_000_000)}a${'/..'.repeat(300_000)}`)).toBe('/');
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});

describe('joinClean', () => {
  test('no slash stays at the end but that of the root', () => {
    fc.assert(
      fc.property(path, (dirty) => {
        const clean = joinClean(dirty);
        expect(clean).toMatch(/^\/(?:.*[^/])?$/s);
        expect(clean).toBe(cleanPath(dirty).replace(/(?<=.)\/$/s, ''));
      }),
    );
  });

  test('pieces that are put together are cleaned as one', () => {
    expect(joinClean('/api/tasks/../config/')).toBe('/api/config');
    expect(joinClean('/api/')).toBe('/api');
  });
});

describe('parentOf', () => {
  test.each([
    ['/', '/'],
    ['/a', '/'],
    ['/a/b', '/a'],
    ['/a/b/c.d', '/a/b'],
  ])('the parent of "%s" is "%s"', (child, parent) => {
    expect(parentOf(child)).toBe(parent);
  });

  test('from every path it is a finite way to the root', () => {
    fc.assert(
      fc.property(path.map(joinClean), (clean) => {
        let [at, steps] = [clean, 0];
        for (; at !== '/'; steps += 1) at = parentOf(at);
        expect(steps).toBe(clean === '/' ? 0 : clean.split('/').length - 1);
      }),
    );
  });
});

describe('encodePath', () => {
  test.each([
    ['/kapacitor/v1/:routes', '/kapacitor/v1/:routes'],
    ['/a b', '/a%20b'],
    ['/a;b', '/a%3Bb'],
    ['/a?b#c%d\\e', '/a%3Fb%23c%25d%5Ce'],
    ['/-._~$&+,=:@', '/-._~$&+,=:@'],
    ["/!'()*", '/%21%27%28%29%2A'],
    ['/"<>[]^`{|}', '/%22%3C%3E%5B%5D%5E%60%7B%7C%7D'],
    ['/管/😀', '/%E7%AE%A1/%F0%9F%98%80'],
    ['/\x00\x7f\x85', '/%00%7F%C2%85'],
  ])('"%s" is written "%s"', (decoded, encoded) => {
    expect(encodePath(decoded)).toBe(encoded);
  });

  test('one decoding by Go gives back every path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (tail) => {
        const url = parseRequestUri(Buffer.from(encodePath(`/${tail}`)));
        expect(url?.path).toEqual(Buffer.from(`/${tail}`));
        expect(url?.rawQuery).toHaveLength(0);
      }),
      { numRuns: 2000 },
    );
  });
});
