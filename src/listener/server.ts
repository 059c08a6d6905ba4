import { ServerResponse, createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as after } from 'node:timers/promises';
import { errorAnswer } from '../kernel/answer.ts';
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
import { cut, halfClose } from './linger.ts';
import { certificateOf, createPeers } from './peers.ts';
import type { Peers } from './peers.ts';
import type { RequestPath } from './request-path.ts';
import { createTls } from './tls.ts';
import type { Tls, TlsSettings } from './tls.ts';
import { createTurns } from './turns.ts';
import { createUnread, refusePlain, responseOn } from './unread.ts';
import { rawAnswer } from './write-answer.ts';

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
  const server = createHttpServer(options);
  const clients = createClients(options);
  const turns = createTurns();
  const peers = createPeers(server, clients);
  const tls = openTls(options, peers);
  const doors: Door[] = [];

  const onRequest = (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): void => {
    turns.take(request, response, () => {
      serve({ options, clients, peers }, request, response, expectsContinue);
    });
  };
  server.on('request', (request, response) => onRequest(request, response, false));
  server.on('checkContinue', (request, response) => onRequest(request, response, true));
  // framing.ts refuses it.
  server.on('checkExpectation', (request, response) => onRequest(request, response, false));
  server.on('connect', (request, socket) => refuseConnect({ options, peers }, request, socket));
  server.on(
    'clientError',
    createUnread({
      lastResponseOn: turns.lastOn,
      onUnread: (socket, refusal) => tellUnread(options, peers.of(socket).address, refusal),
    }),
  );
  server.on('connection', (socket: Socket) => {
    socket.on('end', () => onHalfClosed(socket, turns.lastOn(socket)));
  });

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

/** It never listens: connections are given to it, from all doors. */
function createHttpServer(options: ListenerOptions): Server {
  const server = createServer({
    maxHeaderSize: options.maxHeaderBytes,
    // Whatever NODE_OPTIONS says.
    insecureHTTPParser: false,
    // framing.ts demands it, in our words.
    requireHostHeader: false,
    // clients.ts and proxy/patience.ts look after these; requestTimeout would limit honest slow writers.
    headersTimeout: 0,
    requestTimeout: 0,
    keepAliveTimeout: options.idleTimeoutMs,
  });
  // Past the default of 1,000 Node drops headers in silence, one that frames the body among them.
  server.maxHeadersCount = 0;
  // Not in Node's documentation: without it, Node ends our side too where a client has ended its own.
  Object.assign(server, { httpAllowHalfOpen: true });
  return server;
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
  readonly peers: Peers;
}

const NOBODY: ReadonlySet<Identity['method']> = new Set(['anonymous', 'observed']);

/** Whether somebody proved who they are. */
function isProven({ identity }: Exchange): boolean {
  return identity !== undefined && !NOBODY.has(identity.method);
}

function serve(
  { options, clients, peers }: Parts & { readonly clients: Clients },
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): void {
  const { socket } = request;
  clients.begin(socket, response);
  // Node's parser skips what came with it, as if it had been upgraded.
  if (request.headers.upgrade !== undefined) response.shouldKeepAlive = false;
  const writtenBefore = socket.bytesWritten;
  const service = options.service();
  service.onBegin();
  const exchange = openExchange({ options, peers }, request, response, expectsContinue);
  response.on('close', () => {
    const bytesIn = clients.end(socket, response, isProven(exchange));
    const status = response.headersSent ? response.statusCode : ERRORS['client-gone'].status;
    service.onEnd(exchange, status, socket.bytesWritten - writtenBefore, bytesIn);
  });
  void service.requestPath(exchange);
}

function openExchange(
  { options, peers }: Parts,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): RequestExchange {
  const startedMs = options.now();
  const peer = peers.of(request.socket);
  const certificateNow = (): Certified | undefined => certificateOf(peer, options.now());
  // Whoever connects again is asked for a certificate again.
  if (certificateNow()?.kind === 'outdated') response.shouldKeepAlive = false;
  return new RequestExchange(request, response, {
    clientAddress: options.service().clientAddress(request, peer.address),
    certificateNow,
    expectsContinue,
    https: peer.https,
    startedMs,
  });
}

/**
 * Without a listener Node closes a CONNECT in silence; Kapacitor answers 404 to it. Node has taken its own listeners
 * off the socket: without one for errors, a client's reset would end the process.
 */
function refuseConnect(parts: Parts, request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  const service = parts.options.service();
  service.onBegin();
  const exchange = openExchange(parts, request, new ServerResponse(request), false);
  // Where an earlier request still waits for its answer, this one would be taken for it.
  if (responseOn(socket) !== undefined) {
    socket.destroy();
    service.onEnd(exchange, ERRORS['client-gone'].status, 0, 0);
    return;
  }
  const answer = rawAnswer(errorAnswer(404, 'Not Found', 'pretty'));
  socket.write(answer);
  halfClose(socket);
  service.onEnd(exchange, 404, answer.length, 0);
}

/**
 * The client has ended its side. Before its answer has begun it may wait for it, as netcat does and a client that sends
 * a write and leaves: all goes on. Amid an answer it counts as gone, as it would hold a silent one for ever.
 */
function onHalfClosed(socket: Socket, last: ServerResponse | undefined): void {
  // All of the answer was handed over: it is the last one.
  if (socket.writableEnded) return;
  const current = responseOn(socket);
  if (current?.headersSent === true && !current.writableEnded) cut(socket);
  else if (last?.headersSent === false) last.shouldKeepAlive = false;
}

function tellUnread(options: ListenerOptions, address: string, refusal: GatewayError): void {
  options.service().onUnread(address, refusal.status, refusal.message);
}
