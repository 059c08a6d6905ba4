import { goQuote } from '../kernel/go-text.ts';
import { firstValue } from '../kernel/query.ts';
import type { Query } from '../kernel/query.ts';
import { compileGlob } from './glob.ts';
import type { Glob } from './glob.ts';
import { isUserField } from './view.ts';
import type { UserField } from './view.ts';

/** What a GET of the list asks for. */
export interface ListRequest {
  readonly matches: Glob;
  readonly fields: ReadonlySet<UserField>;
  readonly offset: number;
  readonly limit: number;
}

/** The value is a sentence for the client, in Kapacitor's words. */
export interface ListRefusal {
  readonly refused: string;
}

const DEFAULT_LIMIT = 100;
const ALL_FIELDS: readonly UserField[] = ['link', 'name', 'type', 'permissions'];

/**
 * Reads `pattern`, `fields` (any number), `offset` and `limit`. Source: kapacitor services/auth/service.go
 * handleListUsers. A bad pattern gets the words that Kapacitor has for it; there it matches nothing instead.
 */
export function readListRequest(query: Query): ListRequest | ListRefusal {
  const offset = readInteger('offset', firstValue(query, 'offset'), 0);
  if (typeof offset !== 'number') return offset;
  const limit = readInteger('limit', firstValue(query, 'limit'), DEFAULT_LIMIT);
  if (typeof limit !== 'number') return limit;
  const pattern = firstValue(query, 'pattern');
  const matches = pattern === '' ? () => true : compileGlob(pattern);
  if (typeof matches !== 'function') {
    return { refused: `invalid pattern ${goQuote(pattern)}: ${matches.refused}` };
  }
  const named = query.filter(({ name }) => name === 'fields').map(({ value }) => value);
  const unknown = named.find((each) => !isUserField(each));
  if (unknown !== undefined) return { refused: `unsupported field ${goQuote(unknown)}` };
  const asked = named.filter(isUserField);
  const fields = new Set<UserField>(asked.length === 0 ? ALL_FIELDS : [...asked, 'name', 'link']);
  return { matches, fields, offset, limit };
}

interface Source<User> {
  names(): Iterable<string>;
  get(name: string): User | undefined;
}

/**
 * The users asked for, in order of name. A negative limit is none, and then Kapacitor looks at neither pattern nor
 * offset (services/storage/indexed.go list); a negative offset is 0. Only the records that are given are read.
 */
export function* select<User>(source: Source<User>, request: ListRequest): Iterable<User> {
  const unlimited = request.limit < 0;
  let toSkip = unlimited ? 0 : request.offset;
  let left = unlimited ? Infinity : request.limit;
  if (left === 0) return;
  for (const name of source.names()) {
    if (!unlimited && !request.matches(name)) continue;
    if (toSkip-- > 0) continue;
    const user = source.get(name);
    if (user !== undefined) yield user;
    if (--left === 0) return;
  }
}

const INT64 = 2n ** 63n;

/** Go's strconv.ParseInt(text, 10, 64), with its words; beyond what counts users a number is as good as infinite. */
function readInteger(name: string, text: string, absent: number): number | ListRefusal {
  if (text === '') return absent;
  const refuse = (why: string): ListRefusal => {
    const quoted = goQuote(text);
    return {
      refused: `invalid ${name} parameter ${quoted} must be an integer: strconv.ParseInt: parsing ${quoted}: ${why}`,
    };
  };
  if (!/^[+-]?[0-9]+$/.test(text)) return refuse('invalid syntax');
  const value = BigInt(text.replace('+', ''));
  return value >= -INT64 && value < INT64 ? Number(value) : refuse('value out of range');
}
