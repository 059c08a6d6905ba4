import { isIPv4, isIPv6 } from 'node:net';
import { goQuote } from '../kernel/go-text.ts';
import type { Address } from './config.ts';

const MAX_PORT = 65_535;
const HOST_NAME = /^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?\.?$/;

/** Reads HOST:PORT as Go does (":9092", "[::1]:9092"), or says what is wrong with it. */
export function parseAddress(text: string): Address | { readonly refused: string } {
  const bracketed = /^\[([^\]]*)\]:([^:]*)$/.exec(text);
  if (bracketed !== null) {
    const [, host = '', port = ''] = bracketed;
    return isIPv6(host)
      ? withPort(host, port)
      : { refused: `${goQuote(`[${host}]`)} is no IPv6 address` };
  }
  const colons = text.split(':').length - 1;
  if (colons === 0) return { refused: 'the port is missing' };
  if (colons > 1) {
    return isIPv6(text)
      ? { refused: 'an IPv6 address stands in brackets, before its port' }
      : { refused: `it has ${colons} colons where one parts host and port` };
  }
  const [host = '', port = ''] = text.split(':');
  if (host !== '' && !isIPv4(host) && !HOST_NAME.test(host)) {
    return { refused: `${goQuote(host)} is neither a host name nor an address` };
  }
  return withPort(host, port);
}

function withPort(host: string, port: string): Address | { readonly refused: string } {
  if (port === '') return { refused: 'the port is missing' };
  if (!/^\d{1,5}$/.test(port) || Number(port) > MAX_PORT) {
    return { refused: `${goQuote(port)} is no port (0 to ${MAX_PORT})` };
  }
  return { host, port: Number(port) };
}

/**
 * True where a server that listens on `bind` would be reached under `host` and `port`.
 * @param ownHosts further names and addresses of this machine, for binding to all of them
 */
export function reaches(bind: Address, target: Address, ownHosts: readonly string[] = []): boolean {
  if (bind.port !== target.port || bind.port === 0) return false;
  const at = plainHost(bind.host);
  // To connect to "every address" is to connect to this machine.
  const to = isAny(target.host) ? 'localhost' : plainHost(target.host);
  if (at === to) return true;
  if (isAny(at)) return isLoopback(to) || ownHosts.some((own) => plainHost(own) === to);
  return (at === 'localhost' && isLoopback(to)) || (to === 'localhost' && isLoopback(at));
}

function plainHost(host: string): string {
  return host
    .toLowerCase()
    .replace(/^\[|\]$|\.$/g, '')
    .replace(/^::ffff:(?=\d+\.)/, '');
}

function isAny(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::';
}

/** True for a host that is this machine by its name or number alone. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}
