import { isIPv4 } from 'node:net';

/** A socket of this machine, as the kernel lists it. */
export interface Socket {
  readonly protocol: 'tcp' | 'udp';
  /** `bound`: UDP that takes packets from anyone. */
  readonly state: 'listening' | 'connected' | 'bound';
  readonly host: string;
  readonly port: number;
  /** The other end's; 0 where there is none. */
  readonly remotePort: number;
  readonly remoteHost: string;
  readonly uid: number;
  readonly inode: string;
}

/** The kernel's tables, and what they hold. Source: Documentation/networking/proc_net_tcp.rst of Linux. */
export const TABLES = [
  ['/proc/net/tcp', 'tcp'],
  ['/proc/net/tcp6', 'tcp'],
  ['/proc/net/udp', 'udp'],
  ['/proc/net/udp6', 'udp'],
] as const;

const ESTABLISHED = '01';
const CLOSE = '07';
const LISTEN = '0A';

/** Reads one of the tables; sockets that are neither open to others nor connected are left out. */
export function readSockets(table: string, protocol: Socket['protocol']): readonly Socket[] {
  return table
    .split('\n')
    .slice(1)
    .flatMap((line): readonly Socket[] => {
      const [, local = '', remote = '', st = '', , , , uid = '', , inode = ''] = line
        .trim()
        .split(/\s+/);
      const here = endOf(local);
      const there = endOf(remote);
      const state = here === undefined ? undefined : stateOf(protocol, st, there?.port ?? 0);
      if (here === undefined || there === undefined || state === undefined) return [];
      return [
        {
          protocol,
          state,
          ...here,
          remoteHost: there.host,
          remotePort: there.port,
          uid: Number(uid),
          inode,
        },
      ];
    });
}

function stateOf(protocol: string, st: string, remotePort: number): Socket['state'] | undefined {
  if (st === ESTABLISHED) return 'connected';
  if (protocol === 'tcp') return st === LISTEN ? 'listening' : undefined;
  return st === CLOSE && remotePort === 0 ? 'bound' : undefined;
}

function endOf(text: string): { readonly host: string; readonly port: number } | undefined {
  const [, address, port = ''] = /^([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4})$/i.exec(text) ?? [];
  if (address === undefined) return undefined;
  const bytes = Array.from(address.matchAll(/.{8}/g)).flatMap(([word]) => bytesOf(word));
  return {
    host: bytes.length === 4 ? bytes.join('.') : ipv6Of(bytes),
    port: Number.parseInt(port, 16),
  };
}

/** Each word of an address stands in the byte order of the machine: every one that Node runs on is little-endian. */
function bytesOf(word: string): readonly number[] {
  return Array.from(word.matchAll(/../g), ([byte]) => Number.parseInt(byte, 16)).reverse();
}

function ipv6Of(bytes: readonly number[]): string {
  const mapped =
    bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255 && bytes[11] === 255;
  if (mapped) return bytes.slice(12).join('.');
  const groups = Array.from({ length: 8 }, (_, index) =>
    (((bytes[2 * index] ?? 0) << 8) | (bytes[2 * index + 1] ?? 0)).toString(16),
  );
  // Node's URL shortens it as everyone writes it.
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1);
}

/** True for an address that other machines cannot reach. */
export function isLoopback(host: string): boolean {
  return host === '::1' || host === 'localhost' || (isIPv4(host) && host.startsWith('127.'));
}

/** True for "every address". */
export function isAny(host: string): boolean {
  return host === '' || host === '0.0.0.0' || host === '::';
}

/** `0.0.0.0:9092`, `[::1]:9092`. */
export function endpoint(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
