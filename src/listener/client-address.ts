import { SocketAddress, isIP, isIPv6 } from 'node:net';
import type { ClientRequest } from '../kernel/client-request.ts';
import { UNIX_PEER, createNetworks, plainAddress } from '../kernel/networks.ts';

/** The address that a request comes from. @param peer the address of the socket's other end, or "unix" */
export type ClientAddress = (request: Pick<ClientRequest, 'headers'>, peer: string) => string;

/**
 * The peer of the socket; or, where that is one of the trusted proxies, the first address of X-Forwarded-For from the
 * right that is not. What stands left of it is whatever the client liked to write.
 * @param trustedProxies addresses, networks like "10.0.0.0/8", and "unix" for whoever comes by a Unix socket
 */
export function createClientAddress(trustedProxies: readonly string[]): ClientAddress {
  if (trustedProxies.length === 0) return (_, peer) => peer;
  const networks = createNetworks(trustedProxies.filter((each) => each !== UNIX_PEER));
  const trustsUnix = trustedProxies.includes(UNIX_PEER);
  const isTrusted = (address: string): boolean =>
    address === UNIX_PEER ? trustsUnix : networks.has(address);
  return (request, peer) => {
    let address = peer;
    for (const hop of hopsOf(request)) {
      if (!isTrusted(address)) return address;
      const next = addressIn(hop);
      // Whoever wrote it was trusted, and it is no address: nobody beyond it can be told.
      if (next === undefined) return address;
      address = next;
    }
    return address;
  };
}

/** From the right: the nearest first. */
function hopsOf({ headers }: Pick<ClientRequest, 'headers'>): readonly string[] {
  return headers['x-forwarded-for']?.split(',').reverse() ?? [];
}

/** An address as proxies write it, perhaps with a port: `192.0.2.1`, `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function addressIn(hop: string): string | undefined {
  const text = hop.trim();
  const bare =
    /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text;
  if (isIP(bare) === 0) return undefined;
  return isIPv6(bare) ? plainAddress(shortest(bare)) : bare;
}

/** Its one spelling (RFC 5952), without a zone: whoever is counted by it is counted once. */
function shortest(address: string): string {
  return new SocketAddress({ address: address.split('%')[0] ?? '', family: 'ipv6' }).address;
}
