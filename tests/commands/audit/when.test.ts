import { describe, expect, test } from '@jest/globals';
import { readWhen } from '../../../src/commands/audit/when.ts';

const NOW = new Date(2026, 2, 15, 13, 14, 15).getTime();
const HOUR = 3_600_000;

describe('readWhen', () => {
  test.each([
    ['now', NOW],
    ['today', new Date(2026, 2, 15).getTime()],
    ['yesterday', new Date(2026, 2, 14).getTime()],
    ['90m', NOW - 1.5 * HOUR],
    ['1h30m', NOW - 1.5 * HOUR],
    ['7d', NOW - 7 * 24 * HOUR],
    ['2w', NOW - 14 * 24 * HOUR],
    ['2026-03-01', new Date(2026, 2, 1).getTime()],
    ['2026-03-01 06:07', new Date(2026, 2, 1, 6, 7).getTime()],
    ['2026-03-01T06:07:08', new Date(2026, 2, 1, 6, 7, 8).getTime()],
    ['2026-03-01T06:07:08Z', Date.UTC(2026, 2, 1, 6, 7, 8)],
    ['2026-03-01t06:07:08.5+02:00', Date.UTC(2026, 2, 1, 4, 7, 8, 500)],
  ])('%s', (text, ms) => {
    expect(readWhen(text, NOW)).toBe(ms);
  });

  test.each([
    '',
    'tomorrow',
    '7',
    '-1h',
    '2026-13-01',
    '2026-02-31T00:00:00Zx',
    '1 Jan',
    '20260301',
  ])('%s is none', (text) => {
    expect(readWhen(text, NOW)).toBeUndefined();
  });
});
