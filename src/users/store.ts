import type { Account, Directory, Rights } from '../authenticate/directory.ts';
import type { Batch, BatchRefusal } from './batch.ts';
import type { NewUser, UserChange } from './change.ts';
import { openDatabase } from './database.ts';
import { UserStoreError } from './fault.ts';
import { LmdbUserStore } from './lmdb-store.ts';
import type { UserRecord } from './record.ts';
import { EMPTY_SUMMARY, encodeSummary } from './summary.ts';
import type { Summary } from './summary.ts';
import type { SubscriptionRecord } from './subscription.ts';
import type { SubscriptionStore } from './subscriptions.ts';

/** Its rights are at hand. */
export interface StoredAccount extends Account {
  rights(): Rights;
}

/**
 * The users of this gateway, in a directory that server processes and the CLI share.
 * Every read sees what was last written, by any process; every write is on the disk once its promise resolves.
 * All of it throws, or rejects with, `UserStoreError` where the store cannot be read or written.
 */
export interface UserStore extends Directory {
  find(name: string): StoredAccount | undefined;
  renewHash(name: string, oldHash: string, newHash: string): Promise<void>;
  get(name: string): UserRecord | undefined;
  /** Every name, in the order of its bytes in UTF-8. */
  names(): Iterable<string>;
  /** Every user, in that order; few are held at once, and what is written meanwhile may be among them. */
  list(): Iterable<UserRecord>;
  create(user: NewUser): Promise<'created' | 'exists'>;
  /** Makes an admin, only while none has ever been made: of two at once, one. */
  createFirstAdmin(user: NewUser): Promise<'created' | 'exists' | 'too-late'>;
  update(name: string, change: UserChange): Promise<UserRecord | 'unknown' | 'last-admin'>;
  delete(name: string): Promise<'deleted' | 'unknown' | 'last-admin'>;
  /**
   * All of it in one transaction, or nothing: not where a record is no longer what the replacement was made from, nor
   * where no admin would be left of those there were.
   */
  replaceAll(batch: Batch): Promise<BatchRefusal | 'replaced'>;
  snapshot(): Snapshot;
  /** True for ever once an admin was made, whoever was deleted since. */
  everHadAdmin(): boolean;
  summary(): Summary;
  /** They stand in the same files. */
  readonly subscriptions: SubscriptionStore;
  close(): Promise<void>;
}

/**
 * All subscriptions and users in the order of their names, as of one moment. Reading the users must begin in the turn of
 * the event loop in which it was taken; it may end later.
 */
export interface Snapshot {
  readonly summary: Summary;
  readonly subscriptions: readonly SubscriptionRecord[];
  readonly users: Iterable<UserRecord>;
}

export interface UserStoreOptions {
  /** A directory; it is made where it is missing. */
  readonly path: string;
  /** The bcrypt cost of the configuration: `highestCost()` is never less. */
  readonly minimumCost: number;
  /** Milliseconds since 1970; by default the clock. */
  readonly now?: () => number;
}

/**
 * Opens the user store, or makes it where there is none yet. Once a process: a second one opened while the first writes
 * would wait on the main thread for a write that needs the main thread.
 * @throws UserStoreError `cannot open the user store "PATH": why, what to do`.
 */
export function openUserStore(options: UserStoreOptions): UserStore {
  try {
    return new LmdbUserStore(openDatabase(options.path, encodeSummary(EMPTY_SUMMARY)), options);
  } catch (thrown) {
    throw new UserStoreError('open', options.path, thrown);
  }
}
