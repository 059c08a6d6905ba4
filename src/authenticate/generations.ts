import NodeCache from 'node-cache';

/** What is remembered by key, bounded in time and number. */
export interface Generations<Value> {
  get(key: string): Value | undefined;
  /** @param lifetimeMs from now on; 0: it is not remembered at all */
  set(key: string, value: Value, lifetimeMs: number): void;
  delete(key: string): void;
  clear(): void;
}

interface GenerationsOptions {
  readonly maxEntries: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** `endsMs` decides; node-cache's own clock, which nobody can set, comes some time later. */
interface Entry<Value> {
  readonly value: Value;
  readonly endsMs: number;
}

const FREED_LATER_SECONDS = 60;

/**
 * A full node-cache throws, so there are two: when the young one is full it becomes the old one, and what was old and
 * not asked for since is forgotten. Keys need a prefix that keeps them clear of `constructor` and its like, which
 * node-cache says it has. No timer sweeps: it would hold the cache and all in it for good, after a reload has put another
 * in its place; the number bounds what is held.
 */
export function createGenerations<Value>(options: GenerationsOptions): Generations<Value> {
  const { now } = options;
  const perGeneration = Math.max(1, Math.floor(options.maxEntries / 2));
  const generation = (): NodeCache =>
    new NodeCache({ useClones: false, maxKeys: perGeneration, checkperiod: 0 });
  let young = generation();
  let old = generation();

  const add = (key: string, entry: Entry<Value>, atMs: number): void => {
    if (young.getStats().keys >= perGeneration) {
      old = young;
      young = generation();
    }
    young.set(key, entry, (entry.endsMs - atMs) / 1000 + FREED_LATER_SECONDS);
  };

  const getOld = (key: string, atMs: number): Value | undefined => {
    const entry = old.get<Entry<Value>>(key);
    if (entry === undefined || entry.endsMs <= atMs) return undefined;
    add(key, entry, atMs);
    return entry.value;
  };

  return {
    get: (key) => {
      const atMs = now();
      const entry = young.get<Entry<Value>>(key);
      if (entry === undefined) return getOld(key, atMs);
      return entry.endsMs > atMs ? entry.value : undefined;
    },
    set: (key, value, lifetimeMs) => {
      if (lifetimeMs <= 0) return;
      const atMs = now();
      add(key, { value, endsMs: atMs + lifetimeMs }, atMs);
    },
    delete: (key) => {
      young.del(key);
      old.del(key);
    },
    clear: () => {
      young.flushAll();
      old.flushAll();
    },
  };
}
