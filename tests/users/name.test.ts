import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { judgeName } from '../../src/users/name.ts';

describe('judgeName', () => {
  for (const name of [
    'stan',
    'a',
    '0',
    '-',
    '_',
    '...',
    'a.b@c-d_e',
    '__proto__',
    'constructor',
    'hasOwnProperty',
    '管理者',
    'Ünïcödé',
    'ﬀ',
    'x'.repeat(255),
    'é'.repeat(127),
  ]) {
    test(`${JSON.stringify(name.slice(0, 20))} is a name`, () => {
      expect(judgeName(name)).toBeUndefined();
    });
  }

  function refuses(name: string, words: string): void {
    test(`${JSON.stringify(name.slice(0, 20))} is none`, () => {
      expect(judgeName(name)).toBe(words);
    });
  }

  const rule = "username must contain only letters, numbers, '-', '.', '@' and '_'. ";
  refuses('', 'username is required');
  refuses('a b', `${rule}"a b"`);
  refuses('a:b', `${rule}"a:b"`);
  refuses('a/b', `${rule}"a/b"`);
  refuses('a\0', `${rule}"a\\x00"`);
  refuses('a\n', `${rule}"a\\n"`);
  refuses('"', `${rule}"\\""`);
  refuses('🙂', `${rule}"🙂"`);
  refuses('e\u0301', `${rule}"e\u0301"`);
  refuses('٣', `${rule}"٣"`);
  refuses('~subscriber', `${rule}"~subscriber"`);
  refuses('.', 'username must not be "." or ".."');
  refuses('..', 'username must not be "." or ".."');
  refuses('x'.repeat(256), 'username must be at most 255 bytes long in UTF-8');
  refuses('x'.repeat(10_000), 'username must be at most 255 bytes long in UTF-8');
  refuses('é'.repeat(128), 'username must be at most 255 bytes long in UTF-8');

  const unit = fc.oneof(
    { weight: 20, arbitrary: fc.constantFrom('a', 'Z', '0', '.', '-', '_', '@', 'é', '管', 'ſ') },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }) },
  );
  test('a name that passes is one path segment, and the same in UTF-8 and back', () => {
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 12 }), (name) => {
        fc.pre(judgeName(name) === undefined);
        expect(name).toMatch(/^[^/%?#\\\s:]+$/);
        expect(Buffer.from(name).toString()).toBe(name);
      }),
      { numRuns: 1000 },
    );
  });
});
