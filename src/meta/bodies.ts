import { z } from 'zod';
import type { MetaPermissions, MetaRole, MetaUser } from './documents.ts';

/** As Go writes an empty list: not at all, or null. */
const NAMES = z
  .array(z.string())
  .nullish()
  .transform((names) => names ?? []);

/** An object as pairs: scopes are names that people choose, `__proto__` is one like others. */
const PERMISSIONS = z.preprocess(
  entriesOf,
  z
    .array(z.tuple([z.string(), NAMES]))
    .transform((entries): MetaPermissions => new Map<string, readonly string[]>(entries)),
);

const USERS = z.object({
  users: z
    .array(
      z.object({
        name: z.string().min(1),
        hash: z
          .string()
          .nullish()
          .transform((hash) => hash ?? ''),
        permissions: PERMISSIONS,
      }),
    )
    .nullish(),
});

const ROLES = z.object({
  roles: z
    .array(z.object({ name: z.string().min(1), permissions: PERMISSIONS, users: NAMES }))
    .nullish(),
});

const ERROR = z.object({ error: z.string() });

/**
 * The body of GET /user; undefined where it is none. Unknown fields are ignored, a wrong type anywhere spoils all.
 * Source: kapacitor services/auth/meta/types.go.
 */
export function readUsers(body: Uint8Array): readonly MetaUser[] | undefined {
  const json = parse(body);
  const judged = USERS.safeParse(json);
  return judged.success && isAbout('users', json) ? (judged.data.users ?? []) : undefined;
}

/** The body of GET /role; `{}` where there are no roles; undefined where it is none. */
export function readRoles(body: Uint8Array): readonly MetaRole[] | undefined {
  const json = parse(body);
  const judged = ROLES.safeParse(json);
  return judged.success && isAbout('roles', json) ? (judged.data.roles ?? []) : undefined;
}

/** What `{"error":…}` says; undefined where it is no such body. */
export function readError(body: Uint8Array): string | undefined {
  // None is long, and a list of users need not be parsed to know that it is none.
  if (body.length > LONGEST_ERROR) return undefined;
  const judged = ERROR.safeParse(parse(body));
  return judged.success ? judged.data.error : undefined;
}

const LONGEST_ERROR = 4096;

/** Whether a body is JSON, and neither an error, of whatever type and length, nor `false`. */
export function isJsonAssent(body: Uint8Array): boolean {
  const json = parse(body);
  return json !== undefined && json !== false && !has(json, 'error');
}

/** Go leaves an empty list out. What has other fields alone is another service's, and no word on who there is. */
function isAbout(field: string, json: unknown): boolean {
  const isEmpty = typeof json === 'object' && json !== null && Object.keys(json).length === 0;
  return !has(json, 'error') && (isEmpty || has(json, field));
}

function has(json: unknown, field: string): boolean {
  return typeof json === 'object' && json !== null && Object.hasOwn(json, field);
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body));
  } catch {
    return undefined;
  }
}

function entriesOf(value: unknown): unknown {
  if (value === undefined || value === null) return [];
  return typeof value === 'object' && !Array.isArray(value) ? Object.entries(value) : undefined;
}
