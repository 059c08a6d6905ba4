import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { MetaLogins } from './meta-logins.ts';

const EXPIRATION_MS = 60_000;
const STALE_MS = 150_000;
/** A copy this young is not asked for anew, and "no" is remembered as long. */
const YOUNG_MS = 5_000;
/** So long after its last sign an outage is believed to go on. */
const NEWS_MS = 30_000;

type Step =
  | { readonly pass: number }
  | { readonly node: 'up' | 'down' }
  /** The user's password at the node from now on; `""`: there is no such user. */
  | { readonly password: string }
  | { readonly login: string }
  | { readonly token: true };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(1, 400, 1_000, 4_999, 5_000) }) },
  { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(20_000, 30_000, 60_000, 149_999) }) },
  { weight: 2, arbitrary: fc.record({ node: fc.constantFrom('up' as const, 'down' as const) }) },
  { weight: 1, arbitrary: fc.record({ password: fc.constantFrom('a', 'b', '') }) },
  { weight: 8, arbitrary: fc.record({ login: fc.constantFrom('a', 'a', 'b', 'c') }) },
  { weight: 1, arbitrary: fc.constant({ token: true as const }) },
);

/** What was the case from when on. */
class History<T> {
  readonly #changes: { readonly fromMs: number; readonly value: T }[];

  constructor(value: T) {
    this.#changes = [{ fromMs: -Infinity, value }];
  }

  add(fromMs: number, value: T): void {
    this.#changes.push({ fromMs, value });
  }

  get now(): T | undefined {
    return this.#changes.at(-1)?.value;
  }

  /** Every value that was the case at some time between the two. */
  within(fromMs: number, toMs: number): readonly T[] {
    return this.#changes
      .filter(({ fromMs: begin }, index) => {
        const end = this.#changes[index + 1]?.fromMs ?? Infinity;
        return begin <= toMs && end >= fromMs;
      })
      .map(({ value }) => value);
  }
}

async function play(steps: readonly Step[], isForeign: boolean): Promise<void> {
  const it = new MetaLogins({ cacheExpirationMs: EXPIRATION_MS, staleMs: STALE_MS });
  const passwords = new History('a');
  const nodes = new History<'up' | 'down'>('up');
  const verifiedMs = new Map<string, number>();
  it.meta.put('ann', 'a', {}, isForeign);

  const check = (password: string, outcome: 'ok' | number): void => {
    const at = it.nowMs;
    const right = (sinceMs: number): boolean =>
      passwords.within(at - sinceMs, at).includes(password);
    const alwaysRight = (sinceMs: number): boolean =>
      passwords.within(at - sinceMs, at).every((each) => each === password);
    const wasDown = nodes.within(at - NEWS_MS, at).includes('down');
    const provenMs = at - (verifiedMs.get(password) ?? -Infinity);
    const goesOn = provenMs < STALE_MS && alwaysRight(provenMs);
    switch (outcome) {
      case 'ok':
        expect(right(wasDown ? EXPIRATION_MS + STALE_MS : EXPIRATION_MS)).toBe(true);
        if (!wasDown) verifiedMs.set(password, at);
        return;
      case 401:
        // It was wrong, and a node said so.
        expect(alwaysRight(YOUNG_MS)).toBe(false);
        expect(nodes.within(at - YOUNG_MS, at)).toContain('up');
        expect(goesOn).toBe(false);
        return;
      default:
        expect(outcome).toBe(503);
        expect(wasDown).toBe(true);
        expect(goesOn).toBe(false);
    }
  };

  for (const each of steps) {
    if ('pass' in each) it.pass(each.pass);
    else if ('node' in each) {
      if (each.node === nodes.now) continue;
      nodes.add(it.nowMs, each.node);
      if (each.node === 'up') it.meta.recover();
      else it.meta.fail();
    } else if ('password' in each) {
      passwords.add(it.nowMs, each.password);
      if (each.password === '') it.meta.drop('ann');
      else it.meta.put('ann', each.password, {}, isForeign);
    } else if ('login' in each) {
      it.meta.taken();
      check(each.login, await it.login('ann', each.login));
      // What is asked for behind the back of the request is over before the next one.
      await new Promise((resolve) => setImmediate(resolve));
      expect(it.meta.taken().length).toBeLessThanOrEqual(3);
    } else {
      const outcome = await it.token('ann');
      const isDown = nodes.within(it.nowMs - NEWS_MS, it.nowMs).includes('down');
      if (outcome === 503) expect(isDown).toBe(true);
      if (outcome === 401) expect(passwords.within(it.nowMs - YOUNG_MS, it.nowMs)).toContain('');
    }
  }
}

describe('whatever happens to the node, its users and time', () => {
  for (const isForeign of [false, true]) {
    const who = isForeign ? 'a user who is checked by the node' : 'a user with a hash';
    test(`${who} is let in only by what was right, refused only by what was wrong, and goes on for meta-stale`, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), (steps) => play(steps, isForeign)),
        { numRuns: 500 },
      );
    }, 180_000);
  }
});
