/**
 * How Kapacitor, a Go program, reads a request target: a model on bytes, written from Go's net/url and from
 * Kapacitor's services/httpd/mux.go, and sharing nothing with src/. tests/kernel/go-reading.test.ts holds it
 * against the real net/http where Go is found.
 */
export interface GoUrl {
  /** Decoded once, and nothing more: before the mux cleans it. */
  readonly path: Buffer;
  readonly rawQuery: Buffer;
}

export type GoPair = readonly [name: Buffer, value: Buffer];

/** Go before 1.17 splits a query at `;` and `&`; later ones split at `&` and drop a pair that holds a raw `;`. */
export type GoVersion = 'before 1.17' | 'since 1.17';

export const GO_VERSIONS: readonly GoVersion[] = ['before 1.17', 'since 1.17'];

const PERCENT = 0x25;
const PLUS = 0x2b;
const SLASH = 0x2f;
const QUESTION = 0x3f;
const SPACE = 0x20;
const DEL = 0x7f;

/** Go's url.ParseRequestURI for the origin form; undefined where it is an error (Kapacitor's 400). */
export function parseRequestUri(target: Buffer): GoUrl | undefined {
  if (target[0] !== SLASH) return undefined;
  if (target.some((byte) => byte < SPACE || byte === DEL)) return undefined;
  const mark = target.indexOf(QUESTION);
  const path = unescape(mark < 0 ? target : target.subarray(0, mark), 'path');
  if (path === undefined) return undefined;
  return { path, rawQuery: mark < 0 ? Buffer.alloc(0) : target.subarray(mark + 1) };
}

/** mux.go cleanPath: Go's path.Clean, then a trailing slash put back. A path that it changes is redirected. */
export function muxPath(path: Buffer): Buffer {
  const kept: Buffer[] = [];
  for (const element of split(path, [SLASH])) {
    const text = element.toString('latin1');
    if (text === '..') kept.pop();
    else if (text !== '' && text !== '.') kept.push(element);
  }
  const slash = Buffer.from('/');
  const clean = kept.length === 0 ? slash : Buffer.concat(kept.flatMap((each) => [slash, each]));
  const isClosed = path.at(-1) === SLASH && clean.length > 1;
  return isClosed ? Buffer.concat([clean, slash]) : clean;
}

/** Go's url.ParseQuery: a pair with a bad escape is dropped, every other is kept in order. */
export function parseQuery(raw: Buffer, version: GoVersion): readonly GoPair[] {
  const old = version === 'before 1.17';
  const pairs: GoPair[] = [];
  for (const pair of split(raw, old ? [0x26, 0x3b] : [0x26])) {
    if (pair.length === 0 || (!old && pair.includes(0x3b))) continue;
    const equals = pair.indexOf(0x3d);
    const name = unescape(equals < 0 ? pair : pair.subarray(0, equals), 'query');
    const value = unescape(equals < 0 ? Buffer.alloc(0) : pair.subarray(equals + 1), 'query');
    if (name !== undefined && value !== undefined) pairs.push([name, value]);
  }
  return pairs;
}

/** url.Values.Get: the first value of a name, empty where there is none. */
export function getFirst(pairs: readonly GoPair[], name: string): Buffer {
  return pairs.find((pair) => pair[0].equals(Buffer.from(name)))?.[1] ?? Buffer.alloc(0);
}

function unescape(raw: Buffer, mode: 'path' | 'query'): Buffer | undefined {
  const bytes: number[] = [];
  for (let index = 0; index < raw.length; index += 1) {
    const byte = raw.readUInt8(index);
    if (byte === PERCENT) {
      const digits = raw.subarray(index + 1, index + 3).toString('latin1');
      if (!/^[0-9A-Fa-f]{2}$/.test(digits)) return undefined;
      bytes.push(Number.parseInt(digits, 16));
      index += 2;
    } else {
      bytes.push(byte === PLUS && mode === 'query' ? SPACE : byte);
    }
  }
  return Buffer.from(bytes);
}

function split(bytes: Buffer, separators: readonly number[]): readonly Buffer[] {
  const parts: Buffer[] = [];
  let start = 0;
  for (const [index, byte] of bytes.entries()) {
    if (!separators.includes(byte)) continue;
    parts.push(bytes.subarray(start, index));
    start = index + 1;
  }
  return [...parts, bytes.subarray(start)];
}
