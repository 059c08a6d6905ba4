import type { Secret } from '../../kernel/secret.ts';
import type { SubscriptionRecord } from '../subscription.ts';

/** A user as a source names them. What is absent, the source does not say. */
export interface ImportedUser {
  /** Which line of a file, or which user of a list; the first is 1. */
  readonly at: number;
  readonly name: string;
  /** As `readHash` gives it. */
  readonly hash?: string;
  /** In clear: to be hashed. */
  readonly password?: Secret;
  readonly admin?: boolean;
  readonly permissions?: readonly string[];
  /** ISO 8601, UTC; with `changed`, where a user of this gateway is put back. */
  readonly created?: string;
  readonly changed?: string;
}

/** What a source holds that cannot become a user. */
export interface RefusedEntry {
  readonly at: number;
  /** Absent where there is none, or where it is a secret itself. */
  readonly name?: string;
  /** A sentence for the operator; it never holds a password or a hash. */
  readonly refused: string;
}

export type ImportEntry = ImportedUser | RefusedEntry;

/** A subscription, with the hashes of its secrets: only an export has such. */
export interface ImportedSubscription {
  readonly at: number;
  readonly record: SubscriptionRecord;
}

/** What a source holds, in its order. */
export interface Reading {
  readonly entries: readonly ImportEntry[];
  readonly subscriptions?: readonly ImportedSubscription[];
  /** Sentences on what was left out on purpose. */
  readonly notes: readonly string[];
}

/** The source as a whole is not what it should be: a sentence. */
export interface ReadingRefusal {
  readonly refused: string;
}

/** True of an entry that cannot become a user. */
export function isRefused(entry: ImportEntry): entry is RefusedEntry {
  return 'refused' in entry;
}
