import { z } from 'zod';
import { readPermission } from '../authorize/permissions.ts';

/** The body of a POST or PATCH of the users API. What is absent or null is undefined, as for Go's decoder. */
export interface UserBody {
  readonly name: string | undefined;
  readonly password: string | undefined;
  /** `""` is Kapacitor's "not said". */
  readonly type: 'admin' | 'normal' | '' | undefined;
  readonly permissions: readonly string[] | undefined;
  /** Every key that stands in the object, folded, the unknown ones too. */
  readonly keys: ReadonlySet<string>;
}

/** The value is a sentence for the client; it never holds a password. */
export interface BodyRefusal {
  readonly refused: string;
}

/** Kapacitor's words for every fault of a body. */
const INVALID = 'invalid JSON';

/** No body of this API needs more than two. */
const MAX_DEPTH = 64;

const text = (name: string) =>
  z
    .string(`"${name}" must be a string`)
    .refine((value) => !/\p{Cs}/u.test(value), `"${name}" holds half of a surrogate pair`)
    .nullish();

const BODY = z.object({
  name: text('name'),
  password: text('password'),
  type: z.enum(['admin', 'normal', ''], '"type" must be "admin" or "normal"').nullish(),
  permissions: z
    .array(z.string('a permission must be a string'), '"permissions" must be a list of strings')
    .superRefine((permissions, context) => {
      for (const permission of permissions) {
        const reading = readPermission(permission);
        if ('refused' in reading) context.addIssue(reading.refused);
      }
    })
    .nullish(),
});

/**
 * Reads a body as Go's encoding/json does for Kapacitor (client/v1 CreateUserOptions, UpdateUserOptions): keys in any
 * case, unknown ones ignored (a client may send back the object that it was shown), null like absence.
 * Stricter where two readers could differ: one object and nothing behind it, no key twice in any case, valid UTF-8.
 */
export function readUserBody(bytes: Uint8Array): UserBody | BodyRefusal {
  const json = parse(bytes);
  if (json === undefined) return { refused: INVALID };
  const fault = faultOf(json.text);
  if (fault !== undefined) return refusal(fault);
  const object = json.value ?? {};
  if (typeof object !== 'object' || Array.isArray(object)) {
    return refusal('the body must be an object');
  }
  const entries: [string, unknown][] = Object.entries(object);
  const fields = new Map(entries.map(([key, value]) => [fold(key), value]));
  const known = ['name', 'password', 'type', 'permissions'].map((key) => [key, fields.get(key)]);
  const judged = BODY.safeParse(Object.fromEntries(known));
  if (!judged.success) return refusal(judged.error.issues[0]?.message ?? 'unknown fault');
  const { name, password, type, permissions } = judged.data;
  return {
    name: name ?? undefined,
    password: password ?? undefined,
    type: type ?? undefined,
    permissions: permissions ?? undefined,
    keys: new Set(fields.keys()),
  };
}

function refusal(why: string): BodyRefusal {
  return { refused: `${INVALID}: ${why}` };
}

function parse(bytes: Uint8Array): { readonly text: string; readonly value: unknown } | undefined {
  try {
    // A byte order mark stays, and is then no JSON.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return { text, value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

/** Go's folding of keys: letters in any case, and the two other characters that Unicode folds to s and k. */
function fold(key: string): string {
  return key.replaceAll('\u017f', 's').replaceAll('\u212a', 'k').toLowerCase();
}

/** What is wrong with JSON that parses: a key that stands twice in one object, or too many levels. */
function faultOf(json: string): string | undefined {
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < json.length; at++) {
    const character = json[at];
    if (character === '{') open.push(new Set());
    else if (character === '[') open.push(undefined);
    else if (character === '}' || character === ']') open.pop();
    else if (character === '"') {
      const end = endOfString(json, at);
      const key = keyAt(json, at, end);
      const keys = open.at(-1);
      if (key !== undefined && keys?.has(key) === true) return 'a key stands there twice';
      if (key !== undefined) keys?.add(key);
      at = end - 1;
    }
    if (open.length > MAX_DEPTH) return `it is nested deeper than ${MAX_DEPTH} levels`;
  }
  return undefined;
}

/** Just behind the closing quote of the string that begins at `start`. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === '\\' ? 2 : 1;
  return at + 1;
}

/** The folded key where the string is one: a colon follows. */
function keyAt(json: string, start: number, end: number): string | undefined {
  let next = end;
  while (/\s/.test(json[next] ?? '')) next++;
  return json[next] === ':' ? fold(String(JSON.parse(json.slice(start, end)))) : undefined;
}
