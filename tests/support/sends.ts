import { makeToken } from './jwt.ts';

/** Credentials as they go over the wire. */
export interface Sent {
  readonly headers: readonly string[];
  /** Without `?`; empty where there is none. */
  readonly query: string;
}

/** The secret that the recordings' tokens were signed with. */
const RECORDED_SECRET = 's3cret';

const BASE64 = /^(\w+) base64\(("(?:[^"\\]|\\.)*")\)( without its padding)?$/;
const TOKEN = /^(\w+) jwt\(header=(\{.*?\}), claims=(\{.*?\})\), (.*)$/;

/**
 * Makes what the column `sends` of credentials.jsonl describes.
 * @param secret stands for the recordings' own
 * @throws where the description is not understood
 */
export function readSends(sends: string, secret: string, nowMs: number): Sent {
  const parts = sends === 'nothing' ? [] : sends.split(' | ');
  const headers: string[] = [];
  let query = '';
  for (const part of parts) {
    const [kind, rest] = splitOnce(part, part.startsWith('query ') ? ' ' : ': ');
    if (kind === 'query') query = rest;
    else if (kind === 'Authorization') headers.push(`${kind}: ${readValue(rest, secret, nowMs)}`);
    else throw new Error(`not understood: ${part}`);
  }
  return { headers, query };
}

function readValue(text: string, secret: string, nowMs: number): string {
  if (text.startsWith('"')) return String(JSON.parse(text));
  const base64 = BASE64.exec(text);
  if (base64 !== null) {
    const [, scheme = '', literal = '', isCut] = base64;
    const encoded = Buffer.from(String(JSON.parse(literal))).toString('base64');
    return `${scheme} ${isCut === undefined ? encoded : encoded.replace(/=+$/, '')}`;
  }
  const token = TOKEN.exec(text);
  if (token !== null) {
    const [, scheme = '', header = '', claims = '', signing = ''] = token;
    const parts = {
      header: JSON.parse(header) as Record<string, unknown>,
      claims: readClaims(claims, nowMs),
      secret: readSecret(signing, secret),
    };
    return `${scheme} ${makeToken(parts)}`;
  }
  if (/^\w+ [\w-]+$/.test(text)) return text;
  throw new Error(`not understood: ${text}`);
}

function readSecret(signing: string, secret: string): string | undefined {
  if (signing === 'empty signature') return undefined;
  if (signing === 'signed with the empty string') return '';
  const quoted = /^signed with (".*")$/.exec(signing)?.[1];
  if (quoted === undefined) throw new Error(`not understood: ${signing}`);
  const written = String(JSON.parse(quoted));
  return written === RECORDED_SECRET ? secret : written;
}

/** Times are written as `now+SECONDS` or `now-SECONDS`. */
function readClaims(text: string, nowMs: number): Readonly<Record<string, unknown>> {
  const now = Math.floor(nowMs / 1000);
  return JSON.parse(text, (_key, value: unknown) =>
    typeof value === 'string' && /^now[+-]\d+$/.test(value) ? now + Number(value.slice(3)) : value,
  ) as Readonly<Record<string, unknown>>;
}

function splitOnce(text: string, separator: string): readonly [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + separator.length)];
}
