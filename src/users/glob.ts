/** The words of Go's path.ErrBadPattern. */
const BAD_PATTERN = 'syntax error in pattern';

/** Names have at most 255 bytes: a longer pattern is no use, and matching costs its length for every name. */
const MAX_PATTERN_CHARACTERS = 1024;

/** Tells whether a whole name matches. */
export type Glob = (name: string) => boolean;

/** The value is a sentence, Go's where Go has one. */
export interface GlobRefusal {
  readonly refused: string;
}

/** Each matches exactly one character. */
type Token = (character: string) => boolean;

/** What stands between two stars. */
interface Chunk {
  readonly star: boolean;
  readonly tokens: readonly Token[];
}

/**
 * Compiles a pattern of Go's path.Match: `*` and `?` stop at `/`, `[a-z]`, `[^a-z]`, `\` before any character.
 * A whole match takes time in the product of the two lengths at most: the first place where a chunk
 * fits is as good as any later one, so nothing is tried twice.
 */
export function compileGlob(pattern: string): Glob | GlobRefusal {
  const characters = Array.from(pattern);
  if (characters.length > MAX_PATTERN_CHARACTERS) {
    return { refused: `it is longer than ${MAX_PATTERN_CHARACTERS} characters` };
  }
  const chunks = readChunks(characters);
  if (chunks === undefined) return { refused: BAD_PATTERN };
  return (name) => matches(chunks, Array.from(name));
}

function matches(chunks: readonly Chunk[], name: readonly string[]): boolean {
  let at = 0;
  for (const [index, chunk] of chunks.entries()) {
    const end = endOfMatch(chunk, name, at, index === chunks.length - 1);
    if (end === undefined) return false;
    at = end;
  }
  return at === name.length;
}

/** Where the chunk ends at its first fit from `at` on; the last chunk fits only at the end of the name. */
function endOfMatch(
  { star, tokens }: Chunk,
  name: readonly string[],
  at: number,
  last: boolean,
): number | undefined {
  for (let start = at; ; start++) {
    const end = start + tokens.length;
    if (fits(tokens, name, start) && (!last || end === name.length)) return end;
    if (!star || end >= name.length || name[start] === '/') return undefined;
  }
}

function fits(tokens: readonly Token[], name: readonly string[], start: number): boolean {
  return tokens.every((token, index) => {
    const character = name[start + index];
    return character !== undefined && token(character);
  });
}

function readChunks(pattern: readonly string[]): readonly Chunk[] | undefined {
  const chunks: Chunk[] = [];
  let tokens: Token[] = [];
  let star = false;
  for (let at = 0; at < pattern.length;) {
    if (pattern[at] === '*') {
      if (tokens.length > 0) chunks.push({ star, tokens });
      tokens = [];
      star = true;
      at++;
      continue;
    }
    const read = readToken(pattern, at);
    if (read === undefined) return undefined;
    tokens.push(read.token);
    at = read.end;
  }
  if (star || tokens.length > 0) chunks.push({ star, tokens });
  return chunks;
}

interface Read {
  readonly token: Token;
  readonly end: number;
}

function readToken(pattern: readonly string[], at: number): Read | undefined {
  const first = pattern[at];
  if (first === '?') return { token: (character) => character !== '/', end: at + 1 };
  if (first === '[') return readClass(pattern, at + 1);
  const escaped = first === '\\';
  const wanted = escaped ? pattern[at + 1] : first;
  if (wanted === undefined) return undefined;
  return { token: (character) => character === wanted, end: at + (escaped ? 2 : 1) };
}

type Range = readonly [low: number, high: number];

function readClass(pattern: readonly string[], start: number): Read | undefined {
  const negated = pattern[start] === '^';
  const ranges: Range[] = [];
  let at = negated ? start + 1 : start;
  while (pattern[at] !== ']' || ranges.length === 0) {
    const low = readBound(pattern, at);
    if (low === undefined) return undefined;
    const high = pattern[low.end] === '-' ? readBound(pattern, low.end + 1) : low;
    if (high === undefined) return undefined;
    ranges.push([low.code, high.code]);
    at = high.end;
  }
  const token: Token = (character) => {
    const code = codeOf(character);
    return ranges.some(([low, high]) => low <= code && code <= high) !== negated;
  };
  return { token, end: at + 1 };
}

/** One end of a range. Something must follow it: an open class is refused. */
function readBound(
  pattern: readonly string[],
  at: number,
): { readonly code: number; readonly end: number } | undefined {
  const first = pattern[at];
  if (first === '-' || first === ']') return undefined;
  const index = first === '\\' ? at + 1 : at;
  const character = pattern[index];
  if (character === undefined || index + 1 >= pattern.length) return undefined;
  return { code: codeOf(character), end: index + 1 };
}

function codeOf(character: string): number {
  return character.codePointAt(0) ?? 0;
}
