import type { GatewayError } from '../kernel/errors.ts';
import type { Grants } from '../kernel/grants.ts';
import type { Secret } from '../kernel/secret.ts';

/** What somebody may do. */
export interface Rights {
  readonly admin: boolean;
  readonly grants: Grants;
}

/** A user as a directory knows them. */
export interface Account {
  readonly name: string;
  /** The password as it is stored; a form that is not known here, or "", only the directory itself can check. */
  readonly hash: string;
  /**
   * Why nobody can say at the moment whether the account still stands as it is here: it is then for those only
   * who were verified before. Undefined: it stands.
   */
  readonly outage?: GatewayError | undefined;
  /** Asked for once the password is right: a wrong one must not cost another call. */
  rights(): Rights | Promise<Rights>;
}

/**
 * Where users come from: the local store, or a meta node. What is thrown, or rejects a promise, is a technical
 * failure (503).
 */
export interface Directory {
  /** The account as it stands now, or undefined: no such user. */
  find(name: string): Account | undefined | Promise<Account | undefined>;
  /** The highest bcrypt cost of any account, as far as it is known: what a failed login must cost. */
  highestCost(): number;
  /**
   * Replaces a hash by one of a higher cost of the same password; does nothing where the hash has changed since.
   * Only where hashes are the gateway's own.
   */
  renewHash?(name: string, oldHash: string, newHash: string): Promise<void>;
  /** Only where accounts are copies of what another system holds. */
  readonly remote?: Remote;
}

/** What can be asked of the system that holds the accounts. */
export interface Remote {
  /** Whether `find` would have to ask it about this name, and wait for the answer. */
  mustBeAsked(name: string): boolean;
  /**
   * The account read anew, after a password did not match this hash of it. Undefined where that cannot help: the copy
   * is too young to be out of date.
   * @throws GatewayError directory-unavailable
   */
  again(name: string, hash: string): Promise<Account | undefined> | undefined;
  /** Whether this is the user's password. One call. @throws GatewayError directory-unavailable */
  isAuthorized(name: string, password: Secret): Promise<boolean>;
  /** Told of each login that goes on with what was verified before an outage. */
  noteStale(): void;
}
