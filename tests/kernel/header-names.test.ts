import { describe, expect, test } from '@jest/globals';
import { rememberNames } from '../../src/kernel/header-names.ts';

describe('rememberNames', () => {
  test('judges a name once', () => {
    const { verdictOf, judged } = recording();
    expect([verdictOf('Host'), verdictOf('Host')]).toEqual(['HOST', 'HOST']);
    expect(judged).toEqual(['Host']);
  });

  test('begins anew after more names than honest clients send', () => {
    const { verdictOf, judged } = recording();
    for (let index = 0; index < 600; index++) verdictOf(`X-${index}`);
    verdictOf('X-0');
    expect(judged).toHaveLength(601);
  });

  test('keeps no name that is longer than honest ones, and judges it all the same', () => {
    const { verdictOf, judged } = recording();
    const long = 'x'.repeat(65);
    expect([verdictOf(long), verdictOf(long)]).toEqual([long.toUpperCase(), long.toUpperCase()]);
    expect(judged).toEqual([long, long]);
  });
});

function recording() {
  const judged: string[] = [];
  const verdictOf = rememberNames((name) => {
    judged.push(name);
    return name.toUpperCase();
  });
  return { verdictOf, judged };
}
