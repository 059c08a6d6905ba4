import { constants } from 'node:crypto';
import type { X509Certificate } from 'node:crypto';
import { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import { readClientCertificate, refused } from '../kernel/client-certificate.ts';
import type { CertificateReading } from '../kernel/client-certificate.ts';
import { messageOf } from '../kernel/errors.ts';

/** What the gateway shows to its clients, and what it asks of them: PEM. */
export interface TlsSettings {
  readonly cert: string;
  readonly key: string;
  /** Undefined: nobody is asked for a certificate. */
  readonly clientCa: string | undefined;
  readonly clientAuth: 'optional' | 'require';
}

/** A connection after its handshake. */
export interface Secured {
  readonly socket: TLSSocket;
  /** Undefined: the client has shown none. */
  readonly certificate: CertificateReading | undefined;
  /** When the certificate's time is over; Infinity without one. */
  readonly validToMs: number;
  /** By which authorities it was looked at: another one once these have changed. */
  readonly trust: object;
}

interface TlsOptions {
  readonly settings: TlsSettings;
  /** How long a handshake may take, from the connection on; 0: for ever. */
  readonly timeoutMs: number;
  readonly onSecured: (secured: Secured) => void;
  /** A first byte that does not begin TLS. */
  readonly onPlain: (socket: Socket) => void;
  readonly onFailure: (address: string, why: string) => void;
}

export interface Tls {
  /** Takes over a connection that was just accepted. */
  accept(socket: Socket): void;
  /** What connections meet from now on. @throws where OpenSSL takes no such certificate or key */
  use(settings: TlsSettings): void;
  /** As of which authorities connections are trusted now. */
  readonly trust: object;
  /** Cuts handshakes that are under way. */
  closeAll(): void;
}

/** The first byte of a TLS record that begins a handshake (RFC 8446 §5.1). */
const HANDSHAKE = 0x16;

/** TLS before HTTP: handshakes in, secured connections out. @throws as `use` */
export function createTls(options: TlsOptions): Tls {
  const underWay = new Set<Socket>();
  let settings = options.settings;
  let trust: object = {};

  const connectTo = (current: TlsSettings, currentTrust: object): Server => {
    const server = createTlsServer(current);
    server.on('secureConnection', (socket) => {
      underWay.delete(rawOf(socket));
      options.onSecured(securedOf(socket, current, currentTrust));
    });
    server.on('tlsClientError', (error, socket) => {
      // The system was asked for it when the connection was accepted: Node remembers it beyond its end.
      options.onFailure(rawOf(socket).remoteAddress ?? '', whyFailed(error, socket));
    });
    return server;
  };
  let server = connectTo(settings, trust);

  return {
    accept: (socket) => {
      if (socket.remoteAddress === undefined) {
        socket.destroy();
        return;
      }
      underWay.add(socket);
      const timer = limit(options.timeoutMs, () => {
        if (underWay.has(socket)) socket.destroy();
      });
      socket.on('error', () => socket.destroy());
      socket.once('close', () => {
        clearTimeout(timer);
        underWay.delete(socket);
      });
      peek(socket, (first) => {
        if (first === HANDSHAKE) server.emit('connection', socket);
        else {
          underWay.delete(socket);
          options.onPlain(socket);
        }
      });
    },
    use: (next) => {
      const isSameTrust =
        next.clientCa === settings.clientCa && next.clientAuth === settings.clientAuth;
      const nextTrust = isSameTrust ? trust : {};
      server = connectTo(next, nextTrust);
      [settings, trust] = [next, nextTrust];
    },
    get trust() {
      return trust;
    },
    closeAll: () => {
      for (const socket of underWay) socket.destroy();
    },
  };
}

/** It never listens: connections are given to it. */
function createTlsServer({ cert, key, clientCa, clientAuth }: TlsSettings): Server {
  return createServer({
    cert,
    key,
    // Whatever NODE_OPTIONS says.
    minVersion: 'TLSv1.2',
    ALPNProtocols: ['http/1.1'],
    // A certificate shown in the middle of a connection would be somebody else.
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(clientCa === undefined
      ? {}
      : { ca: clientCa, requestCert: true, rejectUnauthorized: clientAuth === 'require' }),
  });
}

/** Calls back with the first byte, which stays to be read. */
function peek(socket: Socket, onFirst: (byte: number) => void): void {
  socket.once('readable', () => {
    const bytes: unknown = socket.read();
    if (!Buffer.isBuffer(bytes) || bytes[0] === undefined) {
      socket.destroy();
      return;
    }
    socket.unshift(bytes);
    onFirst(bytes[0]);
  });
}

function limit(ms: number, onOver: () => void): NodeJS.Timeout | undefined {
  return ms === 0 ? undefined : setTimeout(onOver, ms).unref();
}

/** The connection below TLS, as Node keeps it. */
export function rawOf(socket: TLSSocket): Socket {
  const raw: unknown = '_parent' in socket ? socket._parent : undefined;
  if (!(raw instanceof Socket)) throw new Error('BUG: TLS without a connection below it');
  return raw;
}

function securedOf(socket: TLSSocket, { clientCa }: TlsSettings, trust: object): Secured {
  const shown = clientCa === undefined ? undefined : socket.getPeerX509Certificate();
  if (shown === undefined) {
    return { socket, certificate: undefined, validToMs: Infinity, trust };
  }
  const certificate = socket.authorized
    ? readClientCertificate({
        commonName: commonNameOf(shown),
        subjectAltName: shown.subjectAltName,
      })
    : refused(String(socket.authorizationError));
  return { socket, certificate, validToMs: Date.parse(shown.validTo), trust };
}

function commonNameOf(certificate: X509Certificate): unknown {
  return Object.entries(certificate.toLegacyObject().subject).find(([name]) => name === 'CN')?.[1];
}

/** What is said of a failed handshake in the log. */
function whyFailed(error: Error & { readonly code?: string }, socket: TLSSocket): string {
  // Node sets it where it refuses a certificate, and then says only that the connection ended.
  const refusal: unknown = socket.authorizationError;
  if (typeof refusal === 'string') return `the client certificate is not accepted: ${refusal}`;
  const [, , , , , reason] = messageOf(error).split(':');
  return reason ?? error.code ?? messageOf(error);
}
