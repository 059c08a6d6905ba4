import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { goJson, goQuote } from '../../src/kernel/go-text.ts';

describe('goQuote', () => {
  test.each([
    ['', '""'],
    ['/kapacitor/v1/tasks', '"/kapacitor/v1/tasks"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ["it's", '"it\'s"'],
    ['\x07\b\f\n\r\t\v', '"\\a\\b\\f\\n\\r\\t\\v"'],
    ['\x00\x1b\x1f', '"\\x00\\x1b\\x1f"'],
    ['\x7f', '"\\x7f"'],
    ['\x80\x85', '"\\u0080\\u0085"'],
    ['ö管理者', '"ö管理者"'],
    ['e\u0301', '"e\u0301"'],
    ['a b', '"a b"'],
    ['\u00a0\u2003', '"\\u00a0\\u2003"'],
    ['\u2028\ufeff\u200b', '"\\u2028\\ufeff\\u200b"'],
    ['\u202e', '"\\u202e"'],
    ['😀', '"😀"'],
    ['\u{e0001}', '"\\U000e0001"'],
    ['\ue000', '"\\ue000"'],
    ['\ufffd', '"\ufffd"'],
    ['<&>', '"<&>"'],
  ])('%j is quoted as strconv.Quote does', (text, quoted) => {
    expect(goQuote(text)).toBe(quoted);
  });

  test('a quoted text is one line without control or format characters', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(goQuote(text)).toMatch(/^"[^\p{C}\p{Zl}\p{Zp}]*"$/u);
      }),
    );
  });

  test('no two texts are quoted alike', () => {
    const text = fc.string({
      unit: fc.constantFrom('"', '\\', 'x', '0', '\0', '\n', 'n'),
      maxLength: 5,
    });
    fc.assert(
      fc.property(text, text, (one, other) => {
        expect(goQuote(one) === goQuote(other)).toBe(one === other);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('goJson', () => {
  test('characters that are markup in HTML are escaped', () => {
    expect(goJson({ error: '<a href="x">&</a>' }, 'compact')).toBe(
      '{"error":"\\u003ca href=\\"x\\"\\u003e\\u0026\\u003c/a\\u003e"}',
    );
  });

  test('the line separators of JavaScript are escaped', () => {
    expect(goJson('\u2028\u2029', 'compact')).toBe('"\\u2028\\u2029"');
  });

  test('pretty is four spaces, with empty lists and objects closed on their line', () => {
    expect(goJson({ users: [], link: { rel: 'self' }, none: {} }, 'pretty')).toBe(
      '{\n    "users": [],\n    "link": {\n        "rel": "self"\n    },\n    "none": {}\n}',
    );
  });

  test('what is read back is what was written', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom('compact', 'pretty'), (value, style) => {
        const normal: unknown = JSON.parse(JSON.stringify(value));
        expect(JSON.parse(goJson(value, style))).toEqual(normal);
      }),
    );
  });

  test('no markup character is left bare', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        expect(goJson({ [text]: text }, 'compact')).not.toMatch(/[<>&\u2028\u2029]/);
      }),
    );
  });
});
