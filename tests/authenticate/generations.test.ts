import { describe, expect, test } from '@jest/globals';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createGenerations } from '../../src/authenticate/generations.ts';

describe('createGenerations', () => {
  test('a value is there for its lifetime by the clock that was given, and not prolonged', () => {
    let nowMs = 1_000;
    const kept = createGenerations<string>({ maxEntries: 4, now: () => nowMs });
    kept.set('k:a', 'a', 100);
    for (nowMs of [1_000, 1_050, 1_099]) expect(kept.get('k:a')).toBe('a');
    nowMs = 1_100;
    expect(kept.get('k:a')).toBeUndefined();
  });

  test('nothing is kept for no time', () => {
    const kept = createGenerations<string>({ maxEntries: 4, now: () => 5 });
    for (const lifetimeMs of [0, -1]) kept.set('k:a', 'a', lifetimeMs);
    expect(kept.get('k:a')).toBeUndefined();
  });

  test('what is asked for outlives the newcomers, but not its time', () => {
    let nowMs = 0;
    const kept = createGenerations<number>({ maxEntries: 4, now: () => nowMs });
    kept.set('k:a', 0, 1_000);
    for (nowMs = 1; nowMs < 1_000; nowMs++) {
      kept.set(`k:${nowMs}`, nowMs, 10_000);
      expect(kept.get('k:a')).toBe(0);
    }
    nowMs = 1_000;
    expect(kept.get('k:a')).toBeUndefined();
  });

  test('its number is bounded, and the newest is there', () => {
    const kept = createGenerations<number>({ maxEntries: 10, now: () => 0 });
    for (let index = 0; index < 1_000; index++) kept.set(`k:${index}`, index, 1_000);
    const left = Array.from({ length: 1_000 }, (_, index) => kept.get(`k:${index}`)).filter(
      (each) => each !== undefined,
    );
    expect(left.length).toBeLessThanOrEqual(10);
    expect(left).toContain(999);
  });

  test('what is deleted, replaced or cleared is gone, in both generations', () => {
    const kept = createGenerations<string>({ maxEntries: 4, now: () => 0 });
    const fill = (): void => {
      kept.set('k:old', 'x', 1_000);
      for (let index = 0; index < 2; index++) kept.set(`k:${index}`, 'y', 1_000);
    };
    fill();
    kept.delete('k:old');
    expect(kept.get('k:old')).toBeUndefined();
    fill();
    kept.set('k:old', 'new', 1_000);
    expect(kept.get('k:old')).toBe('new');
    kept.clear();
    for (const key of ['k:old', 'k:0', 'k:1']) expect(kept.get(key)).toBeUndefined();
  });

  test('nothing holds a cache that nobody has any more: each reload makes new ones', async () => {
    const fill = (): WeakRef<object> => {
      const value = {};
      createGenerations<object>({ maxEntries: 4, now: () => 0 }).set('k:a', value, 86_400_000);
      return new WeakRef(value);
    };
    const left = fill();
    setFlagsFromString('--expose-gc');
    await nextTurn();
    runInNewContext('gc()');
    expect(left.deref()).toBeUndefined();
  });
});
