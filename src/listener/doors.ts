import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo, ListenOptions, Server, Socket } from 'node:net';
import { openHandedDoor } from './handed-door.ts';
import { PlaceError, makeRoomFor, unixPlace } from './unix-path.ts';

/** Where connections come in: an address, a path, a socket that somebody else opened (systemd), or another process. */
export type DoorPlace =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inherited'; readonly fd: number }
  | {
      readonly kind: 'handed';
      readonly as: 'tcp' | 'unix';
      readonly take: (onConnection: (socket: Socket) => void) => void;
    };

/** One that is opened here. */
type OwnPlace = Exclude<DoorPlace, { readonly kind: 'handed' }>;

export interface Door {
  readonly kind: 'tcp' | 'unix';
  /** HOST:PORT, or a path. */
  readonly name: string;
  /** 0 at a Unix socket. */
  readonly port: number;
  /** Takes no new connection; resolves once the last of its connections has ended. */
  close(): Promise<void>;
}

interface DoorOptions {
  readonly maxConnections: number;
  readonly onConnection: (socket: Socket, kind: Door['kind']) => void;
  /** A connection could not be taken. */
  readonly onError: (error: Error) => void;
  /** Connections go to other processes: nothing is read of them here. */
  readonly forOthers?: boolean;
}

const HANDSHAKES = 1.25;

/**
 * How many connections a door lets in where so many may speak HTTP, which is bounded elsewhere (clients.ts), of all doors:
 * beside them some may be in the middle of a TLS handshake.
 */
export function withHandshakes(maxConnections: number): number {
  return Math.ceil(maxConnections * HANDSHAKES);
}

/** For the owner and the group: whoever may write there may connect. */
const UNIX_MODE = 0o660;

/** Listens. @throws the system's error where an address is taken; PlaceError where a socket cannot be used */
export async function openDoor(place: DoorPlace, options: DoorOptions): Promise<Door> {
  if (place.kind === 'handed') return openHandedDoor(place, options.onConnection);
  if (place.kind === 'unix') await makeRoomFor(place.path);
  let kind: Door['kind'] = 'tcp';
  const server = createServer(
    // The first two as http.Server has them for its own connections.
    { allowHalfOpen: true, noDelay: true, pauseOnConnect: options.forOthers === true },
    (socket) => {
      options.onConnection(socket, kind);
    },
  );
  server.maxConnections = options.maxConnections;
  await listen(server, place);
  server.on('error', options.onError);
  const address = server.address();
  // Node knows no address of a Unix socket that was given to it.
  if (typeof address !== 'object' || address === null) kind = 'unix';
  return {
    kind,
    name: kind === 'tcp' ? hostAndPort(place, address) : shownPath(place),
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

async function listen(server: Server, place: OwnPlace): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(place), () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    throw place.kind === 'tcp' ? error : new PlaceError(nameOf(place), error);
  });
  if (place.kind === 'unix') chmodSync(place.path, UNIX_MODE);
}

function listenOptions(place: OwnPlace): ListenOptions & { readonly fd?: number } {
  switch (place.kind) {
    case 'tcp':
      return { port: place.port, ...(place.host === '' ? {} : { host: place.host }) };
    case 'unix':
      return { path: place.path };
    case 'inherited':
      return { fd: place.fd };
  }
}

/** As the configuration has it; of a socket that was given, as the system has it. */
function hostAndPort(place: OwnPlace, address: AddressInfo | string | null): string {
  if (typeof address !== 'object' || address === null) return '';
  const { family, port } = address;
  const host = place.kind === 'tcp' ? place.host : address.address;
  return family === 'IPv6' && host.includes(':') && !host.startsWith('[')
    ? `[${host}]:${port}`
    : `${host}:${port}`;
}

function shownPath(place: OwnPlace): string {
  return place.kind === 'unix' ? place.path : nameOf(place);
}

function nameOf(place: OwnPlace): string {
  switch (place.kind) {
    case 'tcp':
      return `${place.host}:${place.port}`;
    case 'unix':
      return unixPlace(place.path);
    case 'inherited':
      return `the socket that was handed over as file descriptor ${place.fd}`;
  }
}
