import { readPermission } from '../authorize/permissions.ts';
import { isText } from './shape.ts';

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

/** What stands in the object, by folded key. */
type Fields = ReadonlyMap<string, unknown>;

/** No body of this API needs more than two. */
const MAX_DEPTH = 64;

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
  const fields: Fields = new Map(entries.map(([key, value]) => [fold(key), value]));
  return judge(fields);
}

function judge(fields: Fields): UserBody | BodyRefusal {
  const name = textIn(fields, 'name');
  if (isRefusal(name)) return name;
  const password = textIn(fields, 'password');
  if (isRefusal(password)) return password;
  const type = typeIn(fields);
  if (isRefusal(type)) return type;
  const permissions = permissionsIn(fields);
  if (isRefusal(permissions)) return permissions;
  return { name, password, type, permissions, keys: new Set(fields.keys()) };
}

function textIn(fields: Fields, key: string): string | undefined | BodyRefusal {
  const value = fields.get(key) ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return refusal(`"${key}" must be a string`);
  return /\p{Cs}/u.test(value) ? refusal(`"${key}" holds half of a surrogate pair`) : value;
}

function typeIn(fields: Fields): UserBody['type'] | BodyRefusal {
  const value = fields.get('type') ?? undefined;
  return value === undefined || value === 'admin' || value === 'normal' || value === ''
    ? value
    : refusal('"type" must be "admin" or "normal"');
}

function permissionsIn(fields: Fields): UserBody['permissions'] | BodyRefusal {
  const value = fields.get('permissions') ?? undefined;
  if (value === undefined) return undefined;
  if (!Array.isArray(value)) return refusal('"permissions" must be a list of strings');
  const permissions: readonly unknown[] = value;
  if (!permissions.every(isText)) return refusal('a permission must be a string');
  for (const permission of permissions) {
    const reading = readPermission(permission);
    if ('refused' in reading) return refusal(reading.refused);
  }
  return permissions;
}

function isRefusal(value: unknown): value is BodyRefusal {
  return typeof value === 'object' && value !== null && 'refused' in value;
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
