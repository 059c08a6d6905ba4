import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findGo } from '../support/go.ts';
import { compileGlob } from '../../src/users/glob.ts';

const MATCHING = fileURLToPath(new URL('../go/matching.go', import.meta.url));

function verdict(pattern: string, name: string): boolean | string {
  const glob = compileGlob(pattern);
  return typeof glob === 'function' ? glob(name) : glob.refused;
}

const BAD = 'syntax error in pattern';

describe('compileGlob', () => {
  function matches(pattern: string, name: string, want: boolean | string = true): void {
    test(`${JSON.stringify(pattern)} and ${JSON.stringify(name)}: ${want}`, () => {
      expect(verdict(pattern, name)).toBe(want);
    });
  }
  const differs = (pattern: string, name: string): void => {
    matches(pattern, name, false);
  };
  const refuses = (pattern: string): void => {
    matches(pattern, 'a', BAD);
  };

  matches('', '');
  matches('abc', 'abc');
  matches('*', '');
  matches('*', 'abc');
  matches('*c', 'abc');
  matches('a*', 'a');
  matches('a**', 'abc');
  matches('a*b*c*d*e*', 'axbxcxdxexxx');
  matches('a*b?c*x', 'abxbbxdbxebxczzx');
  matches('ab[c]', 'abc');
  matches('ab[b-d]', 'abc');
  matches('ab[^e-g]', 'abc');
  matches('a\\*b', 'a*b');
  matches('a?b', 'a管b');
  matches('a[^a]b', 'a管b');
  matches('[a-ζ]*', 'α');
  matches('[\\]a]', ']');
  matches('[\\-]', '-');
  matches('[x\\-]', '-');
  matches('\\a', 'a');
  matches('*x', 'xxx');
  matches('*.*', 'a.b.c');
  matches('[\u{10400}-\u{10410}]', '\u{10401}');

  differs('', 'a');
  differs('a', '');
  differs('abc', 'abcd');
  differs('*', 'a/b');
  differs('a*/b', 'a/c/b');
  differs('a?b', 'a/b');
  differs('a*b?c*x', 'abxbbxdbxebxczzy');
  differs('ab[e-g]', 'abc');
  differs('ab[^b-d]', 'abc');
  differs('a\\*b', 'ab');
  differs('a???b', 'a管b');
  differs('A', 'a');
  differs('*??????', 'abc');

  refuses('[');
  refuses('[^');
  refuses('[a');
  refuses('[]a]');
  refuses('[-]');
  refuses('[x-]');
  refuses('[-x]');
  refuses('[a-b-c]');
  refuses('[a-');
  refuses('a[');
  refuses('b[');
  refuses('\\');
  refuses('b\\');
  refuses('[\\');
  refuses('[a\\');

  test('it is refused where it is longer than any name', () => {
    expect(verdict('*'.repeat(1025), 'a')).toBe('it is longer than 1024 characters');
    expect(verdict('*'.repeat(1024), 'a')).toBe(true);
  });

  test('the worst of patterns takes no time', () => {
    const started = Date.now();
    expect(verdict('*a'.repeat(510) + 'b', 'a'.repeat(255))).toBe(false);
    expect(verdict('*[^b]?'.repeat(150) + 'b', 'a'.repeat(255))).toBe(false);
    expect(verdict('*?'.repeat(512), 'a'.repeat(255))).toBe(false);
    expect(verdict('?*'.repeat(255), 'a'.repeat(255))).toBe(true);
    expect(Date.now() - started).toBeLessThan(5_000);
  });

  const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '-', '/'), maxLength: 8 });
  const pattern = fc
    .array(fc.constantFrom('a', 'b', 'c', '*', '?', '[ab]', '[^a]', '[a-c]', '\\*', '\\a', '/'), {
      maxLength: 8,
    })
    .map((parts) => parts.join(''));

  // A class takes `/` in Go and `*` does not, and Go never goes back to an earlier `*`: names have no `/` anyway.
  test('is the regular expression that it looks like, for names without a slash', () => {
    const slashless = text.map((name) => name.replaceAll('/', ''));
    fc.assert(
      fc.property(pattern, slashless, (glob, name) => {
        const expression = glob.replaceAll(/(?<!\\)\*/g, '[^/]*').replaceAll('?', '[^/]');
        expect(verdict(glob, name)).toBe(new RegExp(`^(?:${expression})$`).test(name));
      }),
      { numRuns: 3000 },
    );
  });

  (findGo("path.Match compared with Go's own") ? test : test.skip)("is Go's path.Match", () => {
    const anything = fc.string({
      unit: fc.constantFrom('a', 'b', '*', '?', '[', ']', '^', '-', '\\', '/', 'é'),
      maxLength: 10,
    });
    const pairs = fc.sample(fc.tuple(fc.oneof(pattern, anything), text), 4000);
    const { stdout } = spawnSync('go', ['run', MATCHING], {
      input: pairs.map((pair) => `${JSON.stringify(pair)}\n`).join(''),
      env: { ...process.env, GOTOOLCHAIN: 'local', GO111MODULE: 'off' },
      encoding: 'utf8',
    });
    const answers = stdout.trim().split('\n');
    expect(answers).toHaveLength(pairs.length);
    const ours = pairs.map(([glob, name]) => `${glob} ${name} ${verdict(glob, name)}`);
    const theirs = pairs.map(([glob, name], index) => `${glob} ${name} ${answers[index]}`);
    expect(ours).toEqual(theirs);
  });
});
