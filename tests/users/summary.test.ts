import { describe, expect, test } from '@jest/globals';
import { decodeSummary, EMPTY_SUMMARY, encodeSummary } from '../../src/users/summary.ts';
import type { Summary } from '../../src/users/summary.ts';

describe('decodeSummary', () => {
  test('gives back what was encoded', () => {
    const summary: Summary = {
      users: 3,
      admins: 1,
      everHadAdmin: true,
      hashes: new Map([
        [10, 2],
        [4, 1],
      ]),
    };
    expect(decodeSummary(encodeSummary(summary))).toEqual(summary);
    expect(decodeSummary(encodeSummary(EMPTY_SUMMARY))).toEqual(EMPTY_SUMMARY);
  });

  for (const text of ['', '{}', 'null', '{"v":1,"users":0,"admins":0,"hashes":[]}', '\0\0']) {
    test(`${JSON.stringify(text)} is a fault, and not "no admin"`, () => {
      expect(() => decodeSummary(Buffer.from(text))).toThrow();
    });
  }

  test('a count below zero is a fault', () => {
    expect(() => decodeSummary(encodeSummary({ ...EMPTY_SUMMARY, admins: -1 }))).toThrow();
  });
});
