// By file: all of the package would take a twentieth of a start.
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';

/** Counts by key in windows of time: at most so many, then none until the window is over. */
export interface Counters {
  /** Takes one. @returns 0, or the milliseconds until the key's window is over and there are some again */
  take(key: string): Promise<number>;
  /** As `take`, and takes none. */
  look(key: string): Promise<number>;
  /** Gives one back. */
  giveBack(key: string): Promise<void>;
}

interface CounterOptions {
  readonly count: number;
  readonly perMs: number;
  /** How many keys are counted at the same time, about; the least recently made are forgotten first. */
  readonly maxKeys: number;
}

interface Generation {
  readonly limiter: RateLimiterMemory;
  readonly keys: Set<string>;
}

/** Bounded by two generations, as a key of a new name costs whoever sends it nothing. */
export function createCounters({ count, perMs, maxKeys }: CounterOptions): Counters {
  const perGeneration = Math.max(1, Math.floor(maxKeys / 2));
  const generation = (): Generation => ({
    limiter: new RateLimiterMemory({ points: count, duration: perMs / 1000 }),
    keys: new Set(),
  });
  let young = generation();
  let old = generation();

  const generationOf = (key: string): Generation => {
    if (young.keys.has(key)) return young;
    if (old.keys.has(key)) return old;
    if (young.keys.size >= perGeneration) {
      void forgetAll(old);
      old = young;
      young = generation();
    }
    young.keys.add(key);
    return young;
  };

  return {
    take: async (key) => {
      try {
        await generationOf(key).limiter.consume(key);
        return 0;
      } catch (rejection) {
        if (rejection instanceof RateLimiterRes) return Math.max(1, rejection.msBeforeNext);
        throw rejection;
      }
    },
    look: async (key) => {
      if (!young.keys.has(key) && !old.keys.has(key)) return 0;
      const found = await generationOf(key).limiter.get(key);
      return found === null || found.remainingPoints > 0 ? 0 : Math.max(1, found.msBeforeNext);
    },
    giveBack: async (key) => {
      await generationOf(key).limiter.reward(key);
    },
  };
}

/** Its timers hold what it counted until they fire. */
async function forgetAll({ limiter, keys }: Generation): Promise<void> {
  await Promise.all(Array.from(keys, (key) => limiter.delete(key)));
}
