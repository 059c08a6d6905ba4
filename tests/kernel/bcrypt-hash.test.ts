import { describe, expect, test } from '@jest/globals';
import { costOf, readHash } from '../../src/kernel/bcrypt-hash.ts';

describe('readHash', () => {
  test('keeps $2a$ and $2b$, and stores $2y$ as $2b$', () => {
    const rest = `$10$${'a'.repeat(53)}`;
    expect(readHash(`$2a${rest}`)).toBe(`$2a${rest}`);
    expect(readHash(`$2b${rest}`)).toBe(`$2b${rest}`);
    expect(readHash(`$2y${rest}`)).toBe(`$2b${rest}`);
  });

  for (const text of [
    '',
    'pass',
    '$2x$10$' + 'a'.repeat(53),
    '$2b$3$' + 'a'.repeat(53),
    '$2b$03$' + 'a'.repeat(53),
    '$2b$32$' + 'a'.repeat(53),
    '$2b$10$' + 'a'.repeat(52),
    '$2b$10$' + 'a'.repeat(54),
    '$2b$10$' + 'a'.repeat(53) + '\n',
    '$apr1$' + 'a'.repeat(31),
    '$2b$10$' + '!'.repeat(53),
  ]) {
    test(`${JSON.stringify(text.slice(0, 12))} is none`, () => {
      expect(readHash(text)).toBeUndefined();
      expect(costOf(text)).toBeUndefined();
    });
  }
});

describe('costOf', () => {
  test('is the number behind the version, whichever that is', () => {
    for (const version of ['2a', '2b', '2y']) {
      expect(costOf(`$${version}$04$${'a'.repeat(53)}`)).toBe(4);
      expect(costOf(`$${version}$31$${'a'.repeat(53)}`)).toBe(31);
    }
  });
});
