import { spawn } from 'node:child_process';
import { readFileSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import { lookup } from 'node:dns/promises';
import { hostname, networkInterfaces } from 'node:os';
import type { Address } from '../../config/config.ts';
import { readText } from '../../config/read-text.ts';
import { TABLES, isAny, isLoopback, readSockets } from './sockets.ts';
import type { Socket } from './sockets.ts';

/** The machine that the doctor looks at; tests put another one in its place. */
export interface Machine {
  /** Undefined where the system has no such thing. */
  readonly uid: number | undefined;
  readonly now: () => number;
  /** @throws as node:fs does, with `code` */
  readonly readFile: (path: string) => string;
  /** @throws as node:fs does, with `code` */
  readonly list: (directory: string) => readonly string[];
  /** @throws as node:fs does, with `code` */
  readonly stat: (path: string) => FileFacts;
  /** What a symbolic link says; undefined where it cannot be read. */
  readonly readLink: (path: string) => string | undefined;
  readonly addresses: () => readonly OwnAddress[];
  /** True for a name or an address of this machine. */
  readonly isHere: (host: string) => Promise<boolean>;
  /** Whether somebody who is neither root nor the gateway can connect; undefined where that cannot be tried. */
  readonly strangerConnects: (
    to: Address,
    gatewayUid: number | undefined,
  ) => Promise<boolean | undefined>;
}

export interface FileFacts {
  readonly uid: number;
  readonly gid: number;
  /** The permission bits. */
  readonly mode: number;
  readonly isDirectory: boolean;
}

export interface OwnAddress {
  /** With its zone where it needs one: `fe80::1%eth0`. */
  readonly host: string;
  readonly isLoopback: boolean;
}

const PERMISSION_BITS = 0o7777;
/** Linux calls it nobody; what its name is does not matter. */
const NOBODY = 65_534;
const STRANGER_MS = 5000;

/** This machine. @param uid the effective one of this process */
export function thisMachine(uid: number | undefined): Machine {
  return {
    uid,
    now: Date.now,
    readFile: (path) => readFileSync(path, 'utf8'),
    list: (directory) => readdirSync(directory),
    stat: (path) => {
      const found = statSync(path);
      return {
        uid: found.uid,
        gid: found.gid,
        mode: found.mode & PERMISSION_BITS,
        isDirectory: found.isDirectory(),
      };
    },
    readLink: (path) => {
      try {
        return readlinkSync(path);
      } catch {
        return undefined;
      }
    },
    addresses: ownAddresses,
    isHere,
    strangerConnects: async (to, gatewayUid) => {
      if (uid === 0) return connects(to, { uid: NOBODY, gid: NOBODY });
      return uid === undefined || uid === gatewayUid ? undefined : connects(to, {});
    },
  };
}

/** Every socket of the machine; undefined where the kernel's tables cannot be read. */
export function socketsOf(machine: Machine): readonly Socket[] | undefined {
  const tables = TABLES.map(([path, protocol]) => ({
    protocol,
    file: readText(machine.readFile, path),
  }));
  // A machine without IPv6 has no table of it.
  if (tables.every(({ file }) => 'refused' in file)) return undefined;
  return tables.flatMap(({ file, protocol }) =>
    'refused' in file ? [] : readSockets(file.text, protocol),
  );
}

function ownAddresses(): readonly OwnAddress[] {
  return Object.entries(networkInterfaces()).flatMap(([name, addresses]) =>
    (addresses ?? []).map(({ address, internal, family }) => ({
      host: family === 'IPv6' && address.startsWith('fe80:') ? `${address}%${name}` : address,
      isLoopback: internal,
    })),
  );
}

async function isHere(host: string): Promise<boolean> {
  const own = new Set(ownAddresses().map((each) => each.host));
  const isOwn = (one: string): boolean => isLoopback(one) || isAny(one) || own.has(one);
  if (isOwn(host) || host === hostname()) return true;
  const found = await lookup(host, { all: true }).catch(() => []);
  return found.some(({ address }) => isOwn(address));
}

const CONNECT = `
const socket = require('node:net').connect(Number(process.argv[2]), process.argv[1]);
socket.once('connect', () => process.exit(0));
socket.once('error', () => process.exit(1));
setTimeout(() => process.exit(1), 2000);
`;

/** In a process of its own: rights that are given up do not come back. */
async function connects(
  { host, port }: Address,
  as: { readonly uid?: number; readonly gid?: number },
): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const child = spawn('/proc/self/exe', ['-e', CONNECT, '--', host, String(port)], {
      ...as,
      ...{ cwd: '/', env: {}, stdio: 'ignore', timeout: STRANGER_MS },
    });
    child.once('error', () => {
      resolve(undefined);
    });
    child.once('exit', (code) => {
      resolve(code === 0 ? true : code === 1 ? false : undefined);
    });
  });
}
