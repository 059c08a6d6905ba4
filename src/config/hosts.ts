import { goQuote } from '../kernel/go-text.ts';
import { parseAddress } from './address.ts';
import type { Address } from './config.ts';
import { accept, fromString } from './kinds.ts';
import type { Decoded, Kind } from './key.ts';

/** Where Kapacitor is: decoded to the origin alone. */
export const ORIGIN: Kind<string> = fromString(
  'http:// or https://, a host and its port, like "http://127.0.0.1:9192"',
  readOrigin,
);

/** Meta nodes as a comma list of HOST:PORT: decoded to one text each, blanks around them dropped. */
export const ADDRESSES: Kind<readonly string[]> = fromString(
  'HOST:PORT, or a comma list of them, like "meta1:8091,meta2:8091"; "" = local users',
  readAddresses,
);

/** Where an origin is connected to. */
export function addressOf(origin: string): Address {
  const url = new URL(origin);
  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  return { host: url.hostname, port };
}

/** Why a text cannot be the origin of a web page; undefined: it can. */
export function refusedOrigin(text: string): string | undefined {
  if (text === '*') return '"*" would let every page on the web read answers: name each origin';
  if (text === 'null') return 'any page can have itself sent as "null": it names nobody';
  const origin = originIn(text);
  if (origin === undefined) return `${goQuote(text)} is no origin`;
  return origin === text ? undefined : `${goQuote(text)}: browsers write it ${goQuote(origin)}`;
}

/** Of the schemes that web pages are served by; an `*` in a host stands for nothing. */
function originIn(text: string): string | undefined {
  if (!/^https?:\/\//i.test(text) || text.includes('*') || !URL.canParse(text)) return undefined;
  return new URL(text).origin;
}

function readOrigin(found: string): Decoded<string> {
  const scheme = /^https?:\/\//i.test(found);
  if (!scheme) return { refused: 'http:// or https:// is missing' };
  if (/\s/.test(found) || !URL.canParse(found)) return { refused: 'this is no URL' };
  const url = new URL(found);
  if (url.username !== '' || url.password !== '') {
    return { refused: 'Kapacitor is not logged in to: no user and no password belong here' };
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return { refused: 'nothing may follow the port' };
  }
  return url.port === '0' ? { refused: 'port 0 is no port' } : accept(url.origin, found);
}

function readAddresses(found: string): Decoded<readonly string[]> {
  if (found.trim() === '') return accept([], '');
  const addresses = found.split(',').map((each) => each.trim());
  for (const each of addresses) {
    const refused = refusedAddress(each);
    if (refused !== undefined) return { refused: `${goQuote(each)}: ${refused}` };
  }
  return accept(addresses, addresses.join(','));
}

function refusedAddress(text: string): string | undefined {
  if (text === '') return 'there is nothing between two commas';
  if (text.includes('://')) return 'no scheme belongs here: meta-use-tls says whether it is TLS';
  const address = parseAddress(text);
  if ('refused' in address) return address.refused;
  if (address.host === '') return 'the host is missing';
  return address.port === 0 ? 'port 0 is no port' : undefined;
}
