import type { Socket } from 'node:net';
import type { CertificateReading } from '../kernel/client-certificate.ts';
import { refused } from '../kernel/client-certificate.ts';
import type { Certified } from '../kernel/exchange.ts';
import { UNIX_PEER, plainAddress } from '../kernel/networks.ts';
import type { Clients } from './clients.ts';
import type { Secured } from './tls.ts';

/** Who is at the other end of a connection, as far as the connection itself says. */
interface Peer {
  /** Of the socket's other end; "unix" behind a Unix socket. */
  readonly address: string;
  readonly https: boolean;
  readonly certificate: CertificateReading | undefined;
  readonly validToMs: number;
  /** False once the authorities that the certificate was looked at with are no longer those of the configuration. */
  readonly isCurrent: () => boolean;
}

/** The connections that HTTP is spoken on. */
export interface Peers {
  admit(socket: Socket, kind: 'tcp' | 'unix'): void;
  admitSecured(secured: Secured, isCurrent: () => boolean): void;
  of(socket: Socket): Peer;
}

/** Gives connections to whoever speaks HTTP on them, and remembers what is known of each. */
export function createPeers(clients: Clients, converse: (socket: Socket) => void): Peers {
  const peers = new WeakMap<Socket, Peer>();
  const add = (socket: Socket, peer: Peer): void => {
    peers.set(socket, peer);
    clients.add(socket);
    converse(socket);
  };
  return {
    admit: (socket, kind) => {
      // Asked for now: of a connection that was reset meanwhile the system says nothing any more.
      const address = kind === 'unix' ? UNIX_PEER : plainAddress(socket.remoteAddress ?? '');
      add(socket, { ...PLAIN, address });
    },
    admitSecured: ({ socket, certificate, validToMs }, isCurrent) => {
      const address = plainAddress(socket.remoteAddress ?? '');
      add(socket, { address, https: true, certificate, validToMs, isCurrent });
    },
    of: (socket) => peers.get(socket) ?? PLAIN,
  };
}

const PLAIN: Peer = {
  address: '',
  https: false,
  certificate: undefined,
  validToMs: Infinity,
  isCurrent: () => true,
};

/** What a connection's certificate proves at the moment: it ends, and its authorities may be taken out, while it lasts. */
export function certificateOf(peer: Peer, nowMs: number): Certified | undefined {
  if (!peer.isCurrent()) return { kind: 'outdated' };
  return nowMs > peer.validToMs ? refused('CERT_HAS_EXPIRED') : peer.certificate;
}
