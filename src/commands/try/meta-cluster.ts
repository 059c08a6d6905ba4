import { createMetaPasswords } from './meta-password.ts';
import type { MetaHashing, MetaPasswords } from './meta-password.ts';
import { NOTHING_KNOWN, change } from './meta-state.ts';
import type { Changed, MetaAction, MetaState } from './meta-state.ts';

/** What the meta nodes of a cluster share. */
export interface MetaCluster {
  readonly state: MetaState;
  /** Counts the changes. */
  readonly index: number;
  readonly passwords: MetaPasswords;
  /** Does what an administrator asks. @returns a sentence where it is not done */
  change(action: MetaAction<string>): Promise<string | undefined>;
  /** Takes a state as it is, that no administrator could make too: unknown permissions, forms of hashes. */
  put(state: MetaState): void;
}

/** A cluster that knows nobody. @param options.cost of bcrypt hashes */
export function createMetaCluster(options: {
  readonly cost: number;
  readonly hashing?: MetaHashing;
}): MetaCluster {
  const passwords = createMetaPasswords(options.cost, options.hashing ?? 'bcrypt');
  let state = NOTHING_KNOWN;
  let index = 0;
  const take = (changed: Changed): string | undefined => {
    if ('refusal' in changed) return changed.refusal;
    state = changed.state;
    index++;
    return undefined;
  };
  return {
    get state() {
      return state;
    },
    get index() {
      return index;
    },
    passwords,
    change: async (action) => {
      if (!('password' in action)) return take(change(state, action));
      const password = await passwords.keep(action.password);
      // The state may have gone on meanwhile: only now is it read.
      return take(change(state, { ...action, password }));
    },
    put: (next) => {
      take({ state: next });
    },
  };
}
