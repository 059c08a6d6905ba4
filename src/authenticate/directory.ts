import type { Grants } from '../kernel/grants.ts';

/** A user as a directory knows them. */
export interface Account {
  readonly name: string;
  readonly admin: boolean;
  readonly grants: Grants;
  /** A bcrypt hash (`$2a$` or `$2b$`). */
  readonly hash: string;
}

/** Where users come from: the local store, or a meta node. A rejected promise is a technical failure (503). */
export interface Directory {
  /** The account as it stands now, or undefined: no such user. */
  find(name: string): Account | undefined | Promise<Account | undefined>;
  /** The highest bcrypt cost of any account, at least the configured one: what a failed login must cost. */
  highestCost(): number;
  /** Replaces a hash by one of a higher cost of the same password; does nothing where the hash has changed since. */
  renewHash(name: string, oldHash: string, newHash: string): Promise<void>;
}
