import { z } from 'zod';

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
  hash: z.string().regex(/^\$2[ab]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/),
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

const HASH = /^\$2[aby](\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53})$/;

/**
 * A bcrypt hash as the store keeps it; undefined where the text is none.
 * `$2y$` (htpasswd, PHP) names the same algorithm as `$2b$`, which is all that the library knows.
 */
export function readHash(text: string): string | undefined {
  const rest = HASH.exec(text)?.[1];
  if (rest === undefined) return undefined;
  return text.startsWith('$2y$') ? `$2b${rest}` : text;
}

/** The cost of a bcrypt hash of the store. */
export function costOf(hash: string): number {
  return Number(hash.slice(4, 6));
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
