import type { Config } from '../config/config.ts';
import type { Generation } from './generation.ts';
import type { Https } from './https.ts';

/** The next configuration, made whole, before it counts. */
export interface Prepared {
  /** It counts from now on; the one before ends with its last request. */
  commit(): void;
  /** It never does. */
  drop(): Promise<void>;
}

/** The generation that counts, and those whose requests still go on. */
export interface Succession {
  current(): Generation;
  retiring(): readonly Generation[];
  /** Rejects where a part cannot be made: then all goes on as it was. */
  prepare(config: Config): Promise<Prepared>;
  stop(): Promise<void>;
}

export function createSuccession(
  first: Generation,
  https: Https,
  create: (config: Config) => Promise<Generation>,
): Succession {
  const retiring = new Set<Generation>();
  let current = first;
  return {
    current: () => current,
    retiring: () => [...retiring],
    prepare: async (config) => {
      const nextHttps = https.prepare(config);
      const next = await create(config);
      return {
        commit: () => {
          nextHttps.commit();
          const old = current;
          current = next;
          retiring.add(old);
          void old.retire().finally(() => retiring.delete(old));
        },
        drop: () => next.stop(),
      };
    },
    stop: async () => {
      await Promise.all([current, ...retiring].map((each) => each.stop()));
    },
  };
}
