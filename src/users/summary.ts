import { costOf } from '../kernel/bcrypt-hash.ts';
import type { UserRecord } from './record.ts';
import { is, isBoolean, isCount, isInteger, isListOf } from './shape.ts';
import type { Is } from './shape.ts';
import { decodeStored } from './stored.ts';

/** What must be known of all users without reading them; kept in the transaction of each write. */
export interface Summary {
  readonly users: number;
  readonly admins: number;
  /** True for ever once an admin was made, whoever is deleted later. */
  readonly everHadAdmin: boolean;
  /** How many hashes there are of each bcrypt cost. */
  readonly hashes: ReadonlyMap<number, number>;
}

export const EMPTY_SUMMARY: Summary = {
  users: 0,
  admins: 0,
  everHadAdmin: false,
  hashes: new Map(),
};

const isCostAndCount: Is<readonly [number, number]> = (value): value is readonly [number, number] =>
  Array.isArray(value) && value.length === 2 && isInteger(value[0]) && isCount(value[1]);

const STORED = {
  v: is(1),
  users: isCount,
  admins: isCount,
  everHadAdmin: isBoolean,
  hashes: isListOf(isCostAndCount),
};

export function encodeSummary(summary: Summary): Buffer {
  return Buffer.from(JSON.stringify({ v: 1, ...summary, hashes: [...summary.hashes] }));
}

/** @throws where the bytes hold no summary: that is never "no admin". */
export function decodeSummary(bytes: Uint8Array): Summary {
  const { users, admins, everHadAdmin, hashes } = decodeStored(STORED, bytes);
  return { users, admins, everHadAdmin, hashes: new Map(hashes) };
}

/** The summary after one record was replaced: `before` is undefined for a new one, `after` for a deleted one. */
export function summaryAfter(
  summary: Summary,
  before: UserRecord | undefined,
  after: UserRecord | undefined,
): Summary {
  const hashes = new Map(summary.hashes);
  if (before !== undefined) count(hashes, before, -1);
  if (after !== undefined) count(hashes, after, 1);
  const admins = summary.admins + adminsIn(after) - adminsIn(before);
  return {
    users: summary.users + (after === undefined ? 0 : 1) - (before === undefined ? 0 : 1),
    admins,
    everHadAdmin: summary.everHadAdmin || admins > 0,
    hashes,
  };
}

/** The highest cost of any hash; 0 where there is none. */
export function highestCostOf(summary: Summary): number {
  return Math.max(0, ...summary.hashes.keys());
}

function adminsIn(record: UserRecord | undefined): number {
  return record?.admin === true ? 1 : 0;
}

function count(hashes: Map<number, number>, { hash }: UserRecord, by: number): void {
  const cost = costOf(hash);
  if (cost === undefined) throw new Error('BUG: a record without a bcrypt hash');
  const sum = (hashes.get(cost) ?? 0) + by;
  if (sum > 0) hashes.set(cost, sum);
  else hashes.delete(cost);
}
