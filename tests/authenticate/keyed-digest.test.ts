import { createHmac, randomBytes } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { createKeyedDigest } from '../../src/authenticate/keyed-digest.ts';

describe('createKeyedDigest', () => {
  test('is HMAC-SHA256', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (text) => {
        const key = randomBytes(32).toString('hex');
        const expected = createHmac('sha256', key).update(text).digest('base64');
        expect(createKeyedDigest(key)(text)).toBe(expected);
      }),
    );
  });

  test('one digest does not depend on the one before', () => {
    const digest = createKeyedDigest('k'.repeat(64));
    const first = digest('a');
    digest('b'.repeat(1000));
    expect(digest('a')).toBe(first);
  });

  test.each(['', 'k'.repeat(63), 'k'.repeat(65), 'é'.repeat(64)])('refuses the key %j', (key) => {
    expect(() => createKeyedDigest(key)).toThrow('64 ASCII characters');
  });
});
