import { hash, randomBytes } from 'node:crypto';
import { Secret } from '../kernel/secret.ts';
import { MAX_NAME_BYTES } from './name.ts';
import { is, isListOf, isMoment, isShaped, isText, isWord } from './shape.ts';
import type { Is } from './shape.ts';
import { decodeStored, encodeStored } from './stored.ts';

/** A subscription as the store keeps it: who may write points by a secret. */
export interface SubscriptionRecord {
  readonly name: string;
  /** The databases that it may write to; none: to every one. */
  readonly databases: readonly string[];
  /** The newest first; a second one only while a rotation lasts. */
  readonly secrets: readonly StoredSecret[];
  /** ISO 8601. */
  readonly created: string;
  readonly changed: string;
}

export interface StoredSecret {
  /** `hashOf` the secret. */
  readonly hash: string;
  /** ISO 8601. */
  readonly created: string;
  /** When it ends by itself, ISO 8601; undefined: not before somebody ends it. */
  readonly ends?: string | undefined;
}

const SECRET_BYTES = 32;

/** A new secret: 256 random bits that a path can hold as they are. */
export function newSecret(): Secret {
  return new Secret(randomBytes(SECRET_BYTES).toString('base64url'));
}

/**
 * SHA-256, in hex: what is stored of a secret, and what it is looked up by. It needs neither salt nor slowness, since
 * nobody can try 256 random bits; and how long a look-up takes tells of the hash, from which nothing leads back.
 */
export function hashOf(secret: Secret): string {
  return hash('sha256', secret.reveal(), 'hex');
}

const MAX_DATABASES = 100;
const MAX_SECRETS = 2;
const NAME = /^[-._\p{L}0-9@]+$/u;

/** Why a subscription cannot have this name; undefined where it can. */
export function judgeSubscriptionName(name: string): string | undefined {
  if (!NAME.test(name)) {
    return `the name of a subscription holds letters, numbers, '-', '.', '@' and '_' only: ${JSON.stringify(name)}`;
  }
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    return `the name of a subscription is at most ${MAX_NAME_BYTES} bytes long in UTF-8`;
  }
  return undefined;
}

/** Why it cannot be limited to these databases; undefined where it can. */
export function judgeDatabases(databases: readonly string[]): string | undefined {
  if (databases.length > MAX_DATABASES) {
    return `a subscription writes to at most ${MAX_DATABASES} databases, or to all`;
  }
  const bad = databases.find((each) => each === '' || /\p{Cc}/u.test(each));
  return bad === undefined ? undefined : `no database has the name ${JSON.stringify(bad)}`;
}

const isHash: Is<string> = (value): value is string =>
  isText(value) && /^[0-9a-f]{64}$/.test(value);

const isEnd: Is<string | undefined> = (value) => value === undefined || isMoment(value);

const SECRET = { hash: isHash, created: isMoment, ends: isEnd };

const isSecret: Is<StoredSecret> = (value) => isShaped(SECRET, value);

const STORED = {
  v: is(1),
  name: isWord,
  databases: isListOf(isWord, { most: MAX_DATABASES }),
  secrets: isListOf(isSecret, { least: 1, most: MAX_SECRETS }),
  created: isMoment,
  changed: isMoment,
};

/** The bytes of a record. @throws where it is not one: what goes in must come out again. */
export function encodeSubscription(record: SubscriptionRecord): Buffer {
  return encodeStored(STORED, record, 'subscription');
}

/** The record in stored bytes. @throws where they hold none, or that of another name: never "no such subscription". */
export function decodeSubscription(name: string, bytes: Uint8Array): SubscriptionRecord {
  const stored = decodeStored(STORED, bytes);
  const { databases, secrets, created, changed } = stored;
  if (stored.name !== name) throw new Error('its record is that of another subscription');
  return { name, databases, secrets, created, changed };
}
