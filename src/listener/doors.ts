import { chmodSync } from 'node:fs';
import { createServer } from 'node:net';
import type { ListenOptions, Server, Socket } from 'node:net';
import { UnixSocketError, makeRoomFor } from './unix-path.ts';

/** Where connections come in: an address, a path, or a socket that somebody else opened (systemd). */
export type DoorPlace =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string }
  | { readonly kind: 'inherited'; readonly fd: number };

export interface Door {
  readonly kind: 'tcp' | 'unix';
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
}

/** For the owner and the group: whoever may write there may connect. */
const UNIX_MODE = 0o660;

/** Listens. @throws the system's error where an address is taken; UnixSocketError where a path cannot be used */
export async function openDoor(place: DoorPlace, options: DoorOptions): Promise<Door> {
  if (place.kind === 'unix') await makeRoomFor(place.path);
  let kind: Door['kind'] = 'tcp';
  // As http.Server has them for its own connections.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    options.onConnection(socket, kind);
  });
  server.maxConnections = options.maxConnections;
  await listen(server, place);
  server.on('error', options.onError);
  const address = server.address();
  // Node knows no address of a Unix socket that was given to it.
  if (typeof address !== 'object' || address === null) kind = 'unix';
  return {
    kind,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
      }),
  };
}

async function listen(server: Server, place: DoorPlace): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(listenOptions(place), () => {
      server.off('error', reject);
      resolve();
    });
  }).catch((error: unknown) => {
    throw place.kind === 'unix' ? new UnixSocketError(place.path, error) : error;
  });
  if (place.kind === 'unix') chmodSync(place.path, UNIX_MODE);
}

function listenOptions(place: DoorPlace): ListenOptions & { readonly fd?: number } {
  switch (place.kind) {
    case 'tcp':
      return { port: place.port, ...(place.host === '' ? {} : { host: place.host }) };
    case 'unix':
      return { path: place.path };
    case 'inherited':
      return { fd: place.fd };
  }
}
