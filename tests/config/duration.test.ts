import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration } from '../../src/config/duration.ts';

describe('parseDuration', () => {
  test.each([
    ['0', 0],
    ['0s', 0],
    ['-0', 0],
    ['10s', 10_000],
    ['500ms', 500],
    ['1h30m', 5_400_000],
    ['1.5h', 5_400_000],
    ['.5s', 500],
    ['1.s', 1000],
    ['30m1h', 5_400_000],
    ['250us', 0.25],
    ['250\u00b5s', 0.25],
    ['250\u03bcs', 0.25],
    ['1000000ns', 1],
    ['+2m', 120_000],
    ['-2m', -120_000],
  ])('reads %s as Go does', (text, ms) => {
    expect(parseDuration(text)).toBeCloseTo(ms, 9);
  });

  test.each(
    [
      '',
      '10',
      '1.5',
      's',
      '1 s',
      ' 1s',
      '1s ',
      '1d',
      '1S',
      '1h30',
      '.s',
      '1..5s',
      '--1s',
      '1e3s',
    ].concat(['0x1s', '\u0661s', 'constructor', '1h-30m', '∞s']),
  )('refuses "%s"', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('adds up its parts', () => {
    const units = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
    const part = fc.tuple(
      fc.nat({ max: 100_000 }),
      fc.constantFrom('h' as const, 'm' as const, 's' as const, 'ms' as const),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        const text = parts.map(([number, unit]) => `${number}${unit}`).join('');
        const sum = parts.reduce((total, [number, unit]) => total + number * units[unit], 0);
        expect(parseDuration(text)).toBe(sum);
      }),
    );
  });

  test('is a finite number or nothing, whatever the text', () => {
    const letters = fc.constantFrom(...'0 1 2 9 . + - h m s n u µ'.split(' '), ' ');
    fc.assert(
      fc.property(fc.string({ unit: letters, maxLength: 20 }), (text) => {
        const ms = parseDuration(text);
        expect(ms === undefined || Number.isFinite(ms)).toBe(true);
      }),
    );
  });
});
