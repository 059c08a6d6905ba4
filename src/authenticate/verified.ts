import { randomBytes } from 'node:crypto';
import type { Secret } from '../kernel/secret.ts';
import { createGenerations } from './generations.ts';
import { createKeyedDigest } from './keyed-digest.ts';

/**
 * What was found of a password a short while ago. `stale`: it matched, longer ago than a match counts, but not so long
 * that it counts for nothing in an outage.
 */
type Recollection = 'matched' | 'stale' | 'failed';

/** What was verified a short while ago. It holds no password: only keyed digests. */
export interface VerifiedPasswords {
  /** The key of this password against this stored hash; a changed hash is another key. */
  keyOf(name: string, hash: string, password: Secret): string;
  recall(key: string): Recollection | undefined;
  /** True where this was the user's password within the last day, whatever hash it was compared with. */
  wasRight(name: string, password: Secret): boolean;
  /** What `wasRight` says from now on. */
  noteRight(name: string, password: Secret, isRight: boolean): void;
  remember(key: string, result: 'matched' | 'failed'): void;
  clear(): void;
}

interface VerifiedOptions {
  /** How long a match is remembered; 0: not at all. */
  readonly matchedTtlMs: number;
  /** How much longer it counts in an outage of the directory. */
  readonly staleMs?: number;
  readonly maxEntries?: number;
  /** Milliseconds since 1970; by default the clock. */
  readonly now?: () => number;
}

/** A wrong password that is sent again within this time costs no second comparison. */
const FAILED_TTL_MS = 5_000;
/** A client that comes once an hour is not taken for one that guesses. */
const RIGHT_TTL_MS = 24 * 60 * 60 * 1000;
const MAX_ENTRIES = 10_000;

/** Matches and failures are kept apart: no number of failures evicts a match. */
export function createVerifiedPasswords(options: VerifiedOptions): VerifiedPasswords {
  const { matchedTtlMs, staleMs = 0, maxEntries = MAX_ENTRIES, now = Date.now } = options;
  const digest = createKeyedDigest(randomBytes(32).toString('hex'));
  /** Until when a match counts outside an outage. */
  const matched = createGenerations<number>({ maxEntries, now });
  const failed = createGenerations<true>({ maxEntries, now });
  const right = createGenerations<true>({ maxEntries, now });
  const rightTtlMs = Math.max(RIGHT_TTL_MS, matchedTtlMs + staleMs);
  const keyOf = (name: string, hash: string, password: Secret): string => {
    const revealed = password.reveal();
    // Lengths first: (a, bc) and (ab, c) never share a key (CVE-2022-46146).
    const framed = `${name.length} ${hash.length} ${revealed.length} ${name}${hash}${revealed}`;
    return `v:${digest(framed)}`;
  };
  return {
    keyOf,
    recall: (key) => {
      const untilMs = matched.get(key);
      if (untilMs !== undefined && now() < untilMs) return 'matched';
      if (failed.get(key) === true) return 'failed';
      return untilMs === undefined ? undefined : 'stale';
    },
    wasRight: (name, password) => right.get(keyOf(name, '', password)) === true,
    noteRight: (name, password, isRight) => {
      const key = keyOf(name, '', password);
      if (isRight) right.set(key, true, rightTtlMs);
      else right.delete(key);
    },
    remember: (key, result) => {
      if (result === 'matched') {
        matched.set(key, now() + matchedTtlMs, matchedTtlMs + staleMs);
        failed.delete(key);
      } else {
        failed.set(key, true, FAILED_TTL_MS);
        // This very password, which once was right, is so no more.
        matched.delete(key);
      }
    },
    clear: () => {
      matched.clear();
      failed.clear();
      right.clear();
    },
  };
}
