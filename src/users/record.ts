import { readHash } from '../kernel/bcrypt-hash.ts';
import { is, isBoolean, isListOf, isMoment, isText, isWord } from './shape.ts';
import type { Is } from './shape.ts';
import { decodeStored, encodeStored } from './stored.ts';

/** A user as the store keeps them. */
export interface UserRecord {
  readonly name: string;
  readonly admin: boolean;
  /** A bcrypt hash, `$2a$` or `$2b$`. */
  readonly hash: string;
  /** As the administrator wrote them (authorize/permissions.ts). */
  readonly permissions: readonly string[];
  /** ISO 8601, UTC. */
  readonly created: string;
  /** ISO 8601, UTC. */
  readonly changed: string;
}

const isHash: Is<string> = (value): value is string => isText(value) && readHash(value) === value;

const STORED = {
  v: is(1),
  name: isWord,
  admin: isBoolean,
  hash: isHash,
  permissions: isListOf(isText),
  created: isMoment,
  changed: isMoment,
};

/** The bytes of a record. @throws where it is not one: what goes in must come out again. */
export function encodeRecord(record: UserRecord): Buffer {
  return encodeStored(STORED, record, 'user record');
}

/** The record in stored bytes. @throws where they hold none, or that of another name: never "no such user". */
export function decodeRecord(name: string, bytes: Uint8Array): UserRecord {
  const stored = decodeStored(STORED, bytes);
  const { admin, hash, permissions, created, changed } = stored;
  if (stored.name !== name) throw new Error('its record is that of another user');
  return { name, admin, hash, permissions, created, changed };
}
