import { describe, expect, test } from '@jest/globals';
import { keptAt } from '../../src/meta/kept-at.ts';

describe('keptAt', () => {
  test('names every node', () => {
    expect(keptAt(['http://meta1:8091'])).toBe(
      'users are kept by the InfluxDB Enterprise meta node at http://meta1:8091: change them there',
    );
    expect(keptAt(['https://meta1:8091', 'https://[::1]:8091'])).toBe(
      'users are kept by the InfluxDB Enterprise meta nodes at https://meta1:8091, https://[::1]:8091: change them there',
    );
  });
});
