import { parseAddress } from './address.ts';
import type { Address } from './config.ts';
import { parseDuration } from './duration.ts';
import type { Decoded, Kind, Plain } from './key.ts';
import { goQuote } from '../kernel/go-text.ts';
import { Secret } from '../kernel/secret.ts';

/** Behind this Node's timers fire at once (2^31 ms), so no duration may be longer: 24 days. */
const MAX_DURATION_MS = 576 * 3_600_000;

/** Go's strconv.ParseBool: what Kapacitor takes from its variables. */
const TRUE: readonly string[] = ['1', 't', 'T', 'TRUE', 'true', 'True'];
const FALSE: readonly string[] = ['0', 'f', 'F', 'FALSE', 'false', 'False'];

/** true or false. */
export const FLAG: Kind<boolean> = {
  allowed: 'true or false',
  secret: false,
  decode: (found) =>
    typeof found === 'boolean' ? accept(found, found) : { refused: 'this is neither' },
  fromText: booleanFrom,
};

/** true, false or "auto". */
export const CHALLENGE: Kind<'auto' | boolean> = {
  allowed: '"auto", true or false',
  secret: false,
  decode: (found) =>
    found === 'auto' || typeof found === 'boolean'
      ? accept(found, found)
      : { refused: 'this is none of them' },
  fromText: booleanFrom,
};

/** Any line of text, or with `empty` false any but the empty one. */
export function text(allowed: string, { empty = true } = {}): Kind<string> {
  return fromString(allowed, (found) =>
    found === '' && !empty ? { refused: 'it is empty' } : accept(found, found),
  );
}

/** One of a few words. */
export function choice<T extends string>(...words: readonly T[]): Kind<T> {
  const quoted = words.map((word) => `"${word}"`);
  return fromString(`${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1) ?? ''}`, (found) => {
    const word = words.find((each) => each === found);
    return word === undefined ? { refused: 'this is none of them' } : accept(word, word);
  });
}

/** A whole number from `min` to `max`. */
export function count(min: number, max: number, unit = ''): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}${unit === '' ? '' : ` (${unit})`}`,
    secret: false,
    decode: (found) => {
      if (typeof found !== 'number' || !Number.isInteger(found)) {
        return { refused: 'this is no whole number' };
      }
      if (found < min) return { refused: 'this is too small' };
      return found > max ? { refused: 'this is too large' } : accept(found, found);
    },
    fromText: (found) => (/^[+-]?\d+$/.test(found) ? Number(found) : found),
  };
}

/** A duration in Go's grammar, decoded to milliseconds. `zero` says what "0s" means; undefined: it is refused. */
export function duration(zero?: string): Kind<number> {
  const zeroIs = zero === undefined ? 'longer than "0s"' : `"0s" = ${zero}`;
  return fromString(`a duration like "10s" or "1h30m" (${zeroIs}, "576h" at most)`, (found) => {
    const ms = parseDuration(found);
    if (ms === undefined) return { refused: refusedDuration(found) };
    if (ms < 0) return { refused: 'this is negative' };
    if (ms === 0 && zero === undefined) return { refused: 'this is no time at all' };
    if (ms > MAX_DURATION_MS) return { refused: 'this is too long' };
    // Rounded up: what is a time, however short, must not become 0, which means "off".
    return accept(Math.ceil(ms), found);
  });
}

/** So many in such a time: "10 per 1m". */
export const RATE: Kind<{ readonly count: number; readonly perMs: number }> = fromString(
  'a number and a duration, like "10 per 1m" ("0 per 1m" = off)',
  (found) => {
    const [, number, per = ''] = /^(\d{1,6}) per (\S+)$/.exec(found) ?? [];
    if (number === undefined) return { refused: 'this is not of that form' };
    const perMs = parseDuration(per) ?? 0;
    return perMs > 0 && perMs <= MAX_DURATION_MS
      ? accept({ count: Number(number), perMs: Math.ceil(perMs) }, found)
      : { refused: `${goQuote(per)} is no duration above "0s"` };
  },
);

/** HOST:PORT. */
export const ADDRESS: Kind<Address> = fromString(
  'HOST:PORT, like "127.0.0.1:9092", "[::1]:9092", or ":9092" for every address',
  (found) => {
    const address = parseAddress(found);
    return 'refused' in address ? address : accept(address, found);
  },
);

/** HOST:PORT, or undefined for `""`. */
export const ADDRESS_OR_OFF: Kind<Address | undefined> = {
  ...ADDRESS,
  allowed: `${ADDRESS.allowed}; "" = off`,
  decode: (found) => (found === '' ? accept(undefined, found) : ADDRESS.decode(found)),
};

/** A secret: of `minBytes` at least, or empty. */
export function secret(allowed: string, minBytes = 0): Kind<Secret> {
  return {
    allowed,
    secret: true,
    decode: (found) => {
      if (typeof found !== 'string') return { refused: 'it must be a text in quotes' };
      const bytes = Buffer.byteLength(found);
      if (bytes > 0 && bytes < minBytes)
        return { refused: `it has ${bytes} bytes, which is too short` };
      const hidden = new Secret(found);
      return accept(hidden, hidden.isEmpty ? '' : hidden.toString());
    },
    fromText: asItIs,
  };
}

/** A list of texts; in a variable they are parted by commas. `refusedEntry` says what is wrong with one. */
export function list(
  allowed: string,
  refusedEntry: (entry: string) => string | undefined = () => undefined,
): Kind<readonly string[]> {
  return {
    allowed: `a list of ${allowed}`,
    secret: false,
    decode: (found) => {
      if (!Array.isArray(found)) return { refused: 'a list stands in brackets: ["…", "…"]' };
      const entries: readonly unknown[] = found;
      const texts = entries
        .filter((each) => typeof each === 'string')
        .filter((each) => each !== '');
      if (texts.length < entries.length) return { refused: 'each entry is a text in quotes' };
      const refused = texts.map(refusedEntry).find((each) => each !== undefined);
      return refused === undefined ? accept(texts, texts) : { refused };
    },
    fromText: (found) =>
      found
        .split(',')
        .map((each) => each.trim())
        .filter((each) => each !== ''),
  };
}

/** A kind whose values are TOML strings: all but the decoding of the string itself. */
export function fromString<T>(allowed: string, decode: (text: string) => Decoded<T>): Kind<T> {
  return {
    allowed,
    secret: false,
    decode: (found) => {
      if (typeof found !== 'string') return { refused: 'it must be a text in quotes' };
      return /\p{Cc}/u.test(found) ? { refused: 'it holds a control character' } : decode(found);
    },
    fromText: asItIs,
  };
}

/** A decoded value together with the TOML that says it. */
export function accept<T>(value: T, plain: Plain): Decoded<T> {
  return { value, plain };
}

function refusedDuration(found: string): string {
  return /^[+-]?[\d.]+$/.test(found)
    ? `a unit is missing, like in "${found}s"`
    : 'this is no duration (units: h, m, s, ms, us, ns)';
}

function booleanFrom(found: string): unknown {
  if (TRUE.includes(found)) return true;
  return FALSE.includes(found) ? false : found;
}

function asItIs(found: string): string {
  return found;
}
