import { isDeepStrictEqual } from 'node:util';
import type { Database } from './database.ts';
import { decodeRecord, encodeRecord } from './record.ts';
import type { UserRecord } from './record.ts';
import { decodeSummary, encodeSummary, summaryAfter } from './summary.ts';

/** One user of a batch: what the store must hold of them, and what it holds then. */
export interface Replacement {
  /** Undefined: there is no such user yet. */
  readonly before: UserRecord | undefined;
  readonly after: UserRecord;
}

export type BatchOutcome =
  | 'replaced'
  | 'last-admin'
  /** The name of a user whose record is not what the batch was made from. */
  | { readonly changedMeanwhile: string };

/**
 * Puts a whole batch, or nothing of it: to be called within one transaction. It leaves an admin where there was one.
 */
export function replaceAll(database: Database, replacements: readonly Replacement[]): BatchOutcome {
  if (new Set(replacements.map(({ after }) => after.name)).size < replacements.length) {
    throw new Error('BUG: a batch names a user twice');
  }
  const changed = replacements.find(({ before, after }) => {
    const bytes = database.record(after.name);
    const stored = bytes === undefined ? undefined : decodeRecord(after.name, bytes);
    return !isDeepStrictEqual(stored, before);
  });
  if (changed !== undefined) return { changedMeanwhile: changed.after.name };
  const summary = decodeSummary(database.summary());
  let sum = summary;
  for (const { before, after } of replacements) sum = summaryAfter(sum, before, after);
  if (summary.admins > 0 && sum.admins === 0) return 'last-admin';
  database.put(encoded(replacements), encodeSummary(sum));
  return 'replaced';
}

/** One at a time: a hundred thousand are never held twice. */
function* encoded(
  replacements: readonly Replacement[],
): Iterable<readonly [name: string, record: Uint8Array]> {
  for (const { after } of replacements) yield [after.name, encodeRecord(after)];
}
