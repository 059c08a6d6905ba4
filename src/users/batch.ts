import { isDeepStrictEqual } from 'node:util';
import type { Database } from './database.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import type { UserRecord } from './record.ts';
import type { SubscriptionRecord } from './subscription.ts';
import { decodeSummary, encodeSummary, summaryAfter } from './summary.ts';
import type { Summary } from './summary.ts';

/** One record of a batch: what the store must hold of it, and what it holds then. */
export interface Replacement<T> {
  /** Undefined: there is none of this name yet. */
  readonly before: T | undefined;
  readonly after: T;
}

/** What is put into the store at once. */
export interface Batch {
  readonly users: readonly Replacement<UserRecord>[];
  readonly subscriptions: readonly Replacement<SubscriptionRecord>[];
}

/** Why nothing of a batch is put. */
export type BatchRefusal =
  | 'last-admin'
  | 'too-many-subscriptions'
  /** `user "NAME"`, `subscription "NAME"`: the record is not what the batch was made from. */
  | { readonly changedMeanwhile: string };

/** Why these users cannot be put, within the transaction that is to do it. There stays an admin where there was one. */
export function judgeUsers(
  database: Database,
  replacements: readonly Replacement<UserRecord>[],
): BatchRefusal | undefined {
  const changed = changedName(replacements, (name) => {
    const bytes = database.record(name);
    return bytes === undefined ? undefined : decodeRecord(name, bytes);
  });
  if (changed !== undefined) return { changedMeanwhile: `user "${changed}"` };
  const { admins } = decodeSummary(database.summary());
  return admins > 0 && summaryOf(database, replacements).admins === 0 ? 'last-admin' : undefined;
}

/** Puts users, within a transaction in which `judgeUsers` refused nothing. */
export function putUsers(
  database: Database,
  replacements: readonly Replacement<UserRecord>[],
): void {
  const summary = summaryOf(database, replacements);
  database.put(encoded(replacements), encodeSummary(summary));
}

/** The name of the first record that is not what a replacement was made from. */
export function changedName<T extends { readonly name: string }>(
  replacements: readonly Replacement<T>[],
  stored: (name: string) => T | undefined,
): string | undefined {
  if (new Set(replacements.map(({ after }) => after.name)).size < replacements.length) {
    throw new Error('BUG: a batch holds a name twice');
  }
  return replacements.find(({ before, after }) => !isDeepStrictEqual(stored(after.name), before))
    ?.after.name;
}

function summaryOf(database: Database, replacements: readonly Replacement<UserRecord>[]): Summary {
  return replacements.reduce(
    (summary, { before, after }) => summaryAfter(summary, before, after),
    decodeSummary(database.summary()),
  );
}

/** One at a time: a hundred thousand are never held twice. */
function* encoded(
  replacements: readonly Replacement<UserRecord>[],
): Iterable<readonly [name: string, record: Uint8Array]> {
  for (const { after } of replacements) yield [after.name, encodeRecord(after)];
}
