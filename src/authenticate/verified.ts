import { randomBytes } from 'node:crypto';
import NodeCache from 'node-cache';
import type { Secret } from '../kernel/secret.ts';
import { createKeyedDigest } from './keyed-digest.ts';

/** What was verified a short while ago. It holds no password: only keyed digests. */
export interface VerifiedPasswords {
  /** The key of this password against this stored hash; a changed hash is another key. */
  keyOf(name: string, hash: string, password: Secret): string;
  recall(key: string): 'matched' | 'failed' | undefined;
  remember(key: string, result: 'matched' | 'failed'): void;
  clear(): void;
}

interface VerifiedOptions {
  /** How long a match is remembered; 0: not at all. */
  readonly matchedTtlMs: number;
  readonly maxEntries?: number;
}

/** A wrong password that is sent again within this time costs no second comparison. */
const FAILED_TTL_MS = 5_000;
const MAX_ENTRIES = 10_000;

/** Matches and failures are kept apart: no number of failures evicts a match. */
export function createVerifiedPasswords(options: VerifiedOptions): VerifiedPasswords {
  const digest = createKeyedDigest(randomBytes(32).toString('hex'));
  const maxEntries = options.maxEntries ?? MAX_ENTRIES;
  const matched = createGenerations(options.matchedTtlMs, maxEntries);
  const failed = createGenerations(FAILED_TTL_MS, maxEntries);
  return {
    keyOf: (name, hash, password) => {
      const revealed = password.reveal();
      // Lengths first: (a, bc) and (ab, c) never share a key (CVE-2022-46146).
      const framed = `${name.length} ${hash.length} ${revealed.length} ${name}${hash}${revealed}`;
      // The prefix keeps every key clear of `constructor` and its like, which node-cache says it has.
      return `v:${digest(framed)}`;
    },
    recall: (key) => (matched.has(key) ? 'matched' : failed.has(key) ? 'failed' : undefined),
    remember: (key, result) => {
      (result === 'matched' ? matched : failed).add(key);
    },
    clear: () => {
      matched.clear();
      failed.clear();
    },
  };
}

interface Generations {
  has(key: string): boolean;
  add(key: string): void;
  clear(): void;
}

/**
 * A set bounded in time and number. A full node-cache throws, so there are two: when the young one is full it becomes
 * the old one, and what was old and not asked for since is forgotten.
 */
function createGenerations(ttlMs: number, maxEntries: number): Generations {
  const perGeneration = Math.max(1, Math.floor(maxEntries / 2));
  const generation = (): NodeCache =>
    new NodeCache({ useClones: false, maxKeys: perGeneration, checkperiod: 60 });
  let young = generation();
  let old = generation();

  const add = (key: string, expiresMs: number): void => {
    const leftSeconds = (expiresMs - Date.now()) / 1000;
    // node-cache takes 0 for "never expires".
    if (leftSeconds <= 0) return;
    if (young.getStats().keys >= perGeneration) {
      old.close();
      old = young;
      young = generation();
    }
    young.set(key, true, leftSeconds);
  };

  return {
    has: (key) => {
      if (young.has(key)) return true;
      if (!old.has(key)) return false;
      add(key, old.getTtl(key) ?? 0);
      return true;
    },
    add: (key) => {
      add(key, Date.now() + ttlMs);
    },
    clear: () => {
      young.flushAll();
      old.flushAll();
    },
  };
}
