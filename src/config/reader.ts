import { goQuote } from '../kernel/go-text.ts';
import { labelOf } from './key.ts';
import type { Key, Plain } from './key.ts';
import { readText } from './read-text.ts';
import type { ReadFile } from './read-text.ts';
import { lastOf } from './statement.ts';
import type { Findings, Statement } from './statement.ts';

/** The effective value of a key and who said it. */
export interface Setting {
  readonly key: Key<unknown>;
  readonly value: unknown;
  /** As it is shown; a secret is `[redacted]`, or empty. */
  readonly plain: Plain;
  /** `default`, or the file, variable or credential by name. */
  readonly origin: string;
  /** The file of its own that a secret was read from. */
  readonly secretFile?: string | undefined;
  /** False where what was said is wrong, and the default stands in until all problems are told. */
  readonly sound: boolean;
}

/** Reads keys one by one, and keeps what it read. */
export interface Reader {
  readonly read: <T>(key: Key<T>) => T;
  readonly settings: ReadonlyMap<Key<unknown>, Setting>;
}

/** Reads each key from what is said last about it, else from its default. */
export function createReader(
  statements: readonly Statement[],
  readFile: ReadFile,
  findings: Findings,
): Reader {
  const settings = new Map<Key<unknown>, Setting>();
  const read = <T>(key: Key<T>): T => {
    const statement = lastOf(statements, key);
    if (statement !== undefined) {
      const found = contentOf(statement, readFile);
      const decoded = 'refused' in found ? found : key.kind.decode(found.raw);
      if (!('refused' in decoded)) {
        const secretFile = secretFileOf(statement);
        settings.set(key, { key, ...decoded, origin: statement.origin, secretFile, sound: true });
        return decoded.value;
      }
      findings.problems.push(problemOf(statement, decoded.refused));
    }
    const fallback = defaultOf(key);
    settings.set(key, { key, ...fallback, origin: 'default', sound: statement === undefined });
    return fallback.value;
  };
  return { read, settings };
}

/** The default of a key, decoded. */
function defaultOf<T>(key: Key<T>): { readonly value: T; readonly plain: Plain } {
  const decoded = key.kind.decode(key.default);
  if ('refused' in decoded)
    throw new Error(`BUG: the default of ${labelOf(key)}: ${decoded.refused}`);
  return decoded;
}

function secretFileOf({ raw, inFile }: Statement): string | undefined {
  return inFile && typeof raw === 'string' ? raw : undefined;
}

/** The raw value, from the file of its own where it is in one. */
function contentOf(
  { raw, inFile }: Statement,
  readFile: ReadFile,
): { readonly raw: unknown } | { readonly refused: string } {
  if (!inFile) return { raw };
  if (typeof raw !== 'string' || raw === '') return { refused: 'the path of a file is missing' };
  const file = readText(readFile, raw);
  if ('refused' in file) return { refused: `cannot read ${goQuote(raw)}: ${file.refused}` };
  // An editor ends the last line; the secret has no part in that.
  const text = file.text.replace(/\r?\n$/, '');
  return text === '' ? { refused: `${goQuote(raw)} is empty` } : { raw: text };
}

function problemOf({ key, origin, raw, inFile }: Statement, refused: string): string {
  const found = inFile || key.kind.secret ? '' : `${describe(raw)} `;
  const why = withoutLogin(refused);
  return `${labelOf(key)}: found ${found}in ${origin}: ${why}. Allowed: ${key.kind.allowed}`;
}

const LONGEST_SHOWN = 80;

/** What was found, short and on one line. */
function describe(found: unknown): string {
  if (Array.isArray(found)) return 'a list';
  if (found instanceof Date) return 'a date';
  if (typeof found === 'number' || typeof found === 'boolean') return String(found);
  if (typeof found !== 'string') return 'a section';
  const quoted = withoutLogin(goQuote(found));
  return quoted.length > LONGEST_SHOWN ? `${quoted.slice(0, LONGEST_SHOWN)}…"` : quoted;
}

/** An address may come with a user and a password, be it at the wrong place: no quoted text keeps them. */
function withoutLogin(words: string): string {
  return words.replace(/"(?:[^"\\]|\\.)*@/g, '"[redacted]@');
}
