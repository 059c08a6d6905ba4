import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { setTimeout as sleep } from 'node:timers/promises';
import { createVerifiedPasswords } from '../../src/authenticate/verified.ts';
import { Secret } from '../../src/kernel/secret.ts';

const TTL_MS = 60_000;

function keys(): (name: string, hash: string, password: string) => string {
  const verified = createVerifiedPasswords({ matchedTtlMs: TTL_MS });
  return (name, hash, password) => verified.keyOf(name, hash, new Secret(password));
}

describe('keyOf', () => {
  test('name, hash and password never run into each other', () => {
    const keyOf = keys();
    expect(keyOf('a', '', 'bc')).not.toBe(keyOf('ab', '', 'c'));
    expect(keyOf('a', 'b', 'c')).not.toBe(keyOf('a', '', 'bc'));
    expect(keyOf('1 1', '', 'x')).not.toBe(keyOf('1', '', '1 x'));
    const text = fc.string({ unit: fc.constantFrom('a', '1', ' ', ':'), maxLength: 4 });
    const parts = fc.tuple(text, text, text);
    fc.assert(
      fc.property(parts, parts, (one, other) => {
        expect(keyOf(...one) === keyOf(...other)).toBe(
          one.every((part, index) => part === other[index]),
        );
      }),
      { numRuns: 2_000 },
    );
  });

  test('it tells nothing: neither the parts, nor the same in another process', () => {
    const key = keys()('ann', '$2b$hash', 'secret');
    expect(key).toMatch(/^v:[A-Za-z0-9+/]{43}=$/);
    expect(keys()('ann', '$2b$hash', 'secret')).not.toBe(key);
  });
});

describe('createVerifiedPasswords', () => {
  test('what was remembered is recalled, under its key only', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: TTL_MS });
    expect(verified.recall('v:a')).toBeUndefined();
    verified.remember('v:a', 'matched');
    verified.remember('v:b', 'failed');
    expect([verified.recall('v:a'), verified.recall('v:b')]).toEqual(['matched', 'failed']);
    for (const key of ['v:constructor', 'v:__proto__', 'v:']) {
      expect(verified.recall(key)).toBeUndefined();
    }
    verified.clear();
    expect([verified.recall('v:a'), verified.recall('v:b')]).toEqual([undefined, undefined]);
  });

  test('a match lasts for its time and is not prolonged by being asked for', async () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: 150, maxEntries: 4 });
    verified.remember('v:a', 'matched');
    for (let round = 0; round < 3; round++) {
      await sleep(30);
      // Others make a new generation, and being asked for moves it there.
      verified.remember(`v:${round}`, 'matched');
      expect(verified.recall('v:a')).toBe('matched');
    }
    await sleep(100);
    expect(verified.recall('v:a')).toBeUndefined();
  });

  test('a lifetime of 0 is off: no match is remembered, not even for a moment', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: 0 });
    verified.remember('v:a', 'matched');
    expect(verified.recall('v:a')).toBeUndefined();
  });

  test('any number of failures evicts no match', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: TTL_MS, maxEntries: 10 });
    verified.remember('v:a', 'matched');
    for (let index = 0; index < 1_000; index++) verified.remember(`v:f${index}`, 'failed');
    expect(verified.recall('v:a')).toBe('matched');
  });

  test('a full one takes more without a word, keeps the newest, and is bounded', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: TTL_MS, maxEntries: 10 });
    const all = Array.from({ length: 1_000 }, (_, index) => `v:${index}`);
    for (const key of all) verified.remember(key, 'matched');
    const kept = all.filter((key) => verified.recall(key) === 'matched');
    expect(verified.recall('v:999')).toBe('matched');
    expect(kept.length).toBeGreaterThan(0);
    expect(kept.length).toBeLessThanOrEqual(10);
  });

  test('one that is full of a single key takes that key again', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: TTL_MS, maxEntries: 2 });
    for (let round = 0; round < 5; round++) verified.remember('v:a', 'matched');
    expect(verified.recall('v:a')).toBe('matched');
  });

  test('what is asked for survives the newcomers', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: TTL_MS, maxEntries: 10 });
    verified.remember('v:a', 'matched');
    for (let index = 0; index < 100; index++) {
      verified.remember(`v:${index}`, 'matched');
      expect(verified.recall('v:a')).toBe('matched');
    }
  });
});

describe('a match in an outage', () => {
  test('is stale from its end on, for as long again as was said', () => {
    let nowMs = 0;
    const verified = createVerifiedPasswords({ matchedTtlMs: 100, staleMs: 50, now: () => nowMs });
    verified.remember('v:a', 'matched');
    const seen = [0, 99, 100, 149, 150].map((each) => {
      nowMs = each;
      return verified.recall('v:a');
    });
    expect(seen).toEqual(['matched', 'matched', 'stale', 'stale', undefined]);
  });

  test('is stale at once where nothing is kept but for outages', () => {
    const verified = createVerifiedPasswords({ matchedTtlMs: 0, staleMs: 50, now: () => 0 });
    verified.remember('v:a', 'matched');
    expect(verified.recall('v:a')).toBe('stale');
  });

  test('ends where the same password is found to be wrong, and comes back where it is right', () => {
    let nowMs = 0;
    const verified = createVerifiedPasswords({
      matchedTtlMs: 10,
      staleMs: 90_000,
      now: () => nowMs,
    });
    verified.remember('v:a', 'matched');
    nowMs = 20;
    verified.remember('v:a', 'failed');
    expect(verified.recall('v:a')).toBe('failed');
    nowMs = 6_000;
    expect(verified.recall('v:a')).toBeUndefined();
    verified.remember('v:a', 'failed');
    verified.remember('v:a', 'matched');
    expect(verified.recall('v:a')).toBe('matched');
    nowMs = 6_010;
    expect(verified.recall('v:a')).toBe('stale');
  });
});
