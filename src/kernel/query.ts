/** One `name=value` of a query, decoded. `bare`: it came without `=` (pprof's symbol look-up reads such a query). */
interface QueryParameter {
  readonly name: string;
  readonly value: string;
  readonly bare: boolean;
}

export type Query = readonly QueryParameter[];

/** The value is a sentence for the client. */
export interface QueryRefusal {
  readonly refused: string;
}

/** What the gateway judges by: read once by Kapacitor (the first wins), so they may stand there only once. */
const SINGLE = ['db', 'rp', 'u', 'p'] as const;

const NONE: Query = [];

/** Go 1.24 and newer read nothing at all from a query of more than 10,000 pairs, older ones read all of it. */
const MAX_PAIRS = 1000;

/**
 * Reads a raw query (without `?`) as every Go version reads it, or refuses it where versions differ:
 * Go before 1.17 splits at `;` too, later ones drop such a pair; a pair with a bad escape is dropped by all.
 */
export function readQuery(raw: string): Query | QueryRefusal {
  if (raw === '') return NONE;
  if (raw.includes(';')) return { refused: 'a raw ";" in the query is ambiguous: write %3B' };
  const pairs = raw.split('&');
  if (pairs.length > MAX_PAIRS) {
    return { refused: `the query holds more than ${MAX_PAIRS} parameters` };
  }
  const query: QueryParameter[] = [];
  for (const pair of pairs) {
    if (pair === '') continue;
    const parameter = readParameter(pair);
    if (parameter === undefined) {
      return { refused: 'the query holds a bad percent escape or invalid UTF-8' };
    }
    query.push(parameter);
  }
  const repeated = SINGLE.find((name) => query.filter((each) => each.name === name).length > 1);
  return repeated === undefined
    ? query
    : { refused: `the query parameter "${repeated}" may stand there only once` };
}

/** The first value of a name, as Go's url.Values.Get; `""` where it is absent. */
export function firstValue(query: Query, name: string): string {
  return query.find((parameter) => parameter.name === name)?.value ?? '';
}

/** The query as it is sent, with its `?`: every name and value encoded anew; `""` where nothing is left. */
export function writeQuery(query: Query): string {
  if (query.length === 0) return '';
  return `?${query.map(writeParameter).join('&')}`;
}

function readParameter(pair: string): QueryParameter | undefined {
  const equals = pair.indexOf('=');
  const bare = equals < 0;
  const name = decodeComponent(bare ? pair : pair.slice(0, equals));
  const value = bare ? '' : decodeComponent(pair.slice(equals + 1));
  return name === undefined || value === undefined ? undefined : { name, value, bare };
}

function writeParameter({ name, value, bare }: QueryParameter): string {
  return bare ? encodeComponent(name) : `${encodeComponent(name)}=${encodeComponent(value)}`;
}

const NEEDS_NO_DECODING = /^[^%+]*$/;

function decodeComponent(raw: string): string | undefined {
  if (NEEDS_NO_DECODING.test(raw)) return raw;
  try {
    return decodeURIComponent(raw.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}

const NEEDS_NO_ENCODING = /^[A-Za-z0-9\-._~]*$/;

/** `encodeURIComponent` with a space as `+`, as Go's url.QueryEscape writes it. */
function encodeComponent(decoded: string): string {
  if (NEEDS_NO_ENCODING.test(decoded)) return decoded;
  return encodeURIComponent(decoded).replaceAll('%20', '+');
}
