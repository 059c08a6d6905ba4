import { setTimeout as after } from 'node:timers/promises';
import { openConnection } from '../http/client-connection.ts';
import type { ConnectionOptions } from '../http/client-connection.ts';
import { createHttpDate } from '../http/date.ts';
import type { ClientRequest } from '../kernel/client-request.ts';
import type { ClientResponse } from '../kernel/client-response.ts';
import { ERRORS } from '../kernel/errors.ts';
import type { GatewayError } from '../kernel/errors.ts';
import type { Certified, Exchange } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import { plainAddress } from '../kernel/networks.ts';
import type { ClientAddress } from './client-address.ts';
import { createClients } from './clients.ts';
import type { Clients } from './clients.ts';
import { openDoor, withHandshakes } from './doors.ts';
import type { Door, DoorPlace } from './doors.ts';
import { RequestExchange } from './exchange.ts';
import { cut } from './linger.ts';
import { certificateOf, createPeers } from './peers.ts';
import type { Peers } from './peers.ts';
import type { RequestPath } from './request-path.ts';
import { createTls } from './tls.ts';
import type { Tls, TlsSettings } from './tls.ts';
import { refuseBody, refusePlain, refuseUnread } from './unread.ts';

/** What requests go through. It may be another one for each request: a reload swaps it. */
export interface Service {
  readonly requestPath: RequestPath;
  readonly clientAddress: ClientAddress;
  /** Called for each request before its path is gone. */
  readonly onBegin: () => void;
  /**
   * Called once a request is over, however it ended.
   * @param bytes written to the client
   * @param bytesIn read from its connection since the request before
   */
  readonly onEnd: (exchange: Exchange, status: number, bytes: number, bytesIn: number) => void;
  /** Called where bytes that are no request were refused. @param reason in the client's words */
  readonly onUnread: (clientAddress: string, status: number, reason: string) => void;
  /** Called where TLS did not come about. */
  readonly onNoTls: (clientAddress: string, reason: string) => void;
}

export interface ListenerOptions {
  /** Asked once for each request. */
  readonly service: () => Service;
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly maxConnections: number;
  readonly shutdownTimeoutMs: number;
  /** Undefined: TCP connections speak plain HTTP. Unix sockets always do. */
  readonly tls: TlsSettings | undefined;
  /** Told where a connection was closed because there are too many. */
  readonly onCrowded: () => void;
  /** Told where a connection could not be taken (no file descriptor is left): the server goes on. */
  readonly onServerError: (error: Error) => void;
  readonly now: () => number;
  /** How often connections are looked at; by default every second. */
  readonly intervalMs?: number;
}

export interface Listener {
  /** Resolves with all doors that are open then. @throws as openDoor; those before it are then open until `stop` */
  listen(places: readonly DoorPlace[]): Promise<readonly Door[]>;
  /** What TLS shows from now on, where it is spoken. @throws where OpenSSL does not take it: then the old stays */
  useTls(settings: TlsSettings): void;
  /** Takes no new connection, lets requests end, and cuts what is left after `shutdown-timeout`. */
  stop(): Promise<void>;
}

/** The sockets of the gateway: requests in, to the request path. @throws where OpenSSL does not take the settings of TLS */
export function createListener(options: ListenerOptions): Listener {
  const clients = createClients(options);
  const peers = createPeers(clients, (socket) => {
    openConnection(socket, conversation);
  });
  const parts: Parts = { options, clients, peers };
  const conversation: ConnectionOptions = {
    maxHeadBytes: options.maxHeaderBytes,
    keepAlive: keepAliveLines(options.idleTimeoutMs),
    date: createHttpDate(options.now),
    onRequest: (request, response) => serve(parts, request, response),
    onUnread: (socket, refusal) => {
      tellUnread(options, peers.of(socket).address, refusal);
      refuseUnread(socket, refusal);
    },
    onBadBody: refuseBody,
    onLeft: cut,
  };
  const tls = openTls(options, peers);
  const doors: Door[] = [];

  return {
    listen: async (places) => {
      for (const place of places) {
        const door = await openDoor(place, {
          maxConnections: withHandshakes(options.maxConnections),
          onError: options.onServerError,
          onConnection: (socket, kind) => {
            if (kind === 'tcp' && tls !== undefined) tls.accept(socket);
            else peers.admit(socket, kind);
          },
        });
        doors.push(door);
      }
      return [...doors];
    },
    useTls: (settings) => tls?.use(settings),
    stop: async () => {
      clients.drain();
      const closed = Promise.all(doors.map((door) => door.close()));
      await Promise.race([closed, after(options.shutdownTimeoutMs, undefined, { ref: false })]);
      clients.closeAll();
      tls?.closeAll();
      clients.stop();
    },
  };
}

/** Said to HTTP/1.0 clients too, and how long they may count on it (clients.ts keeps the time). */
function keepAliveLines(idleTimeoutMs: number): string {
  const seconds = Math.floor(idleTimeoutMs / 1000);
  return `Connection: keep-alive\r\n${seconds > 0 ? `Keep-Alive: timeout=${seconds}\r\n` : ''}`;
}

function openTls(options: ListenerOptions, peers: Peers): Tls | undefined {
  if (options.tls === undefined) return undefined;
  const tls = createTls({
    settings: options.tls,
    timeoutMs: options.headerTimeoutMs,
    onSecured: (secured) => peers.admitSecured(secured, () => secured.trust === tls.trust),
    onPlain: (socket) => {
      const address = plainAddress(socket.remoteAddress ?? '');
      refusePlain(socket, (refusal) => tellUnread(options, address, refusal));
    },
    onFailure: (address, why) => options.service().onNoTls(plainAddress(address), why),
  });
  return tls;
}

interface Parts {
  readonly options: ListenerOptions;
  readonly clients: Clients;
  readonly peers: Peers;
}

const NOBODY: ReadonlySet<Identity['method']> = new Set(['anonymous', 'observed']);

/** Whether somebody proved who they are. */
function isProven({ identity }: Exchange): boolean {
  return identity !== undefined && !NOBODY.has(identity.method);
}

/** @returns what is called once the answer is over */
function serve(parts: Parts, request: ClientRequest, response: ClientResponse): () => void {
  const { options, clients } = parts;
  const { socket } = request;
  clients.begin(socket, response);
  const writtenBefore = socket.bytesWritten;
  const service = options.service();
  service.onBegin();
  const exchange = openExchange(parts, service, request, response);
  void service.requestPath(exchange);
  return () => {
    const bytesIn = clients.end(socket, response, isProven(exchange));
    const status = response.isBegun ? response.status : ERRORS['client-gone'].status;
    service.onEnd(exchange, status, socket.bytesWritten - writtenBefore, bytesIn);
  };
}

function openExchange(
  { options, peers }: Parts,
  { clientAddress }: Service,
  request: ClientRequest,
  response: ClientResponse,
): RequestExchange {
  const startedMs = options.now();
  const peer = peers.of(request.socket);
  const certificateNow = (): Certified | undefined => certificateOf(peer, options.now());
  // Whoever connects again is asked for a certificate again.
  if (certificateNow()?.kind === 'outdated') response.isLast = true;
  return new RequestExchange(request, response, {
    clientAddress: clientAddress(request, peer.address),
    certificateNow,
    https: peer.https,
    startedMs,
  });
}

function tellUnread(options: ListenerOptions, address: string, refusal: GatewayError): void {
  options.service().onUnread(address, refusal.status, refusal.message);
}
