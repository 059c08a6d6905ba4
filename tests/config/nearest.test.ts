import { describe, expect, test } from '@jest/globals';
import { KEYS } from '../../src/config/defaults.ts';
import { nearest } from '../../src/config/nearest.ts';

describe('nearest', () => {
  const names = KEYS.map((key) => key.name);

  test.each([
    ['bind-adress', 'bind-address'],
    ['bind_address', 'bind-address'],
    ['bindAddress', 'bind-address'],
    ['address', 'bind-address'],
    ['enalbed', 'enabled'],
    ['cache', 'cache-expiration'],
    ['meta-user', 'meta-username'],
    ['lvel', 'level'],
    ['toString', undefined],
    ['x', undefined],
    ['', undefined],
  ])('takes %s for %s', (word, meant) => {
    expect(nearest(word, names)).toBe(meant);
  });
});
