import { z } from 'zod';
import { readHash } from '../kernel/bcrypt-hash.ts';

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

/** Strict: a field that this version does not know could be one that takes a right away. */
const STORED = z.strictObject({
  v: z.literal(1),
  name: z.string().min(1),
  admin: z.boolean(),
  hash: z.string().refine((hash) => readHash(hash) === hash),
  permissions: z.array(z.string()),
  created: z.iso.datetime(),
  changed: z.iso.datetime(),
});

/** The bytes of a record. @throws where it is not one: what goes in must come out again. */
export function encodeRecord(record: UserRecord): Buffer {
  const stored = { v: 1, ...record };
  const judged = STORED.safeParse(stored);
  if (!judged.success) throw new Error(`BUG: this is no user record (${faultOf(judged.error)})`);
  return Buffer.from(JSON.stringify(stored));
}

/** The record in stored bytes. @throws where they hold none, or that of another name: never "no such user". */
export function decodeRecord(name: string, bytes: Uint8Array): UserRecord {
  const judged = STORED.safeParse(parse(bytes));
  if (!judged.success) throw new Error(`its record is damaged (${faultOf(judged.error)})`);
  const { admin, hash, permissions, created, changed } = judged.data;
  if (judged.data.name !== name) throw new Error('its record is that of another user');
  return { name, admin, hash, permissions, created, changed };
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

/** The field at fault and nothing of its value: it may be a hash. */
function faultOf(error: z.ZodError): string {
  const path = error.issues[0]?.path.join('.') ?? '';
  return path === '' ? 'not a record of this version' : `field "${path}"`;
}
