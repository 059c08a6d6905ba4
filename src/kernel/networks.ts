import { BlockList, isIP } from 'node:net';

/** Stands for the address of whoever comes in by a Unix socket: no network has it, and no header can say it. */
export const UNIX_PEER = 'unix';

/** Addresses and networks. */
export interface Networks {
  /** False for what is no address. */
  has(address: string): boolean;
}

/** @param entries each an address, or a network like "10.0.0.0/8" */
export function createNetworks(entries: readonly string[]): Networks {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    if (bits === undefined) list.addAddress(address, familyOf(address));
    else list.addSubnet(address, Number(bits), familyOf(address));
  }
  return { has: (address) => isIP(address) !== 0 && list.check(address, familyOf(address)) };
}

/** Why an entry is neither an address nor a network; undefined where it is one. */
export function refusedNetwork(entry: string): string | undefined {
  const [address = '', bits, ...more] = entry.split('/');
  if (isIP(address) === 0 || more.length > 0) {
    return `"${entry}" is neither an address nor a network`;
  }
  if (bits === undefined) return undefined;
  const longest = isIP(address) === 4 ? 32 : 128;
  return /^\d{1,3}$/.test(bits) && Number(bits) <= longest
    ? undefined
    : `"${entry}": the network has a number of bits behind its "/", ${longest} at most`;
}

/** IPv4 as such, where a socket listens on both families. */
export function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.')
    ? address.slice('::ffff:'.length)
    : address;
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIP(address) === 6 ? 'ipv6' : 'ipv4';
}
