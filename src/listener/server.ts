import { ServerResponse, createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import { Server as NetServer, Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorAnswer } from '../kernel/answer.ts';
import { ERRORS, GatewayError } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';
import { plainAddress } from '../kernel/networks.ts';
import type { ClientAddress } from './client-address.ts';
import { createClients } from './clients.ts';
import type { Clients } from './clients.ts';
import { RequestExchange } from './exchange.ts';
import { halfClose } from './linger.ts';
import type { RequestPath } from './request-path.ts';
import { createTurns } from './turns.ts';
import { rawAnswer } from './write-answer.ts';

/** What requests go through. It may be another one for each request: a reload swaps it. */
export interface Service {
  readonly requestPath: RequestPath;
  readonly clientAddress: ClientAddress;
  /** Called for each request before its path is gone. */
  readonly onBegin: () => void;
  /** Called once a request is over, however it ended. @param bytes written to the client */
  readonly onEnd: (exchange: Exchange, status: number, bytes: number) => void;
  /** Called where bytes that are no request were refused. @param reason in the client's words */
  readonly onUnread: (clientAddress: string, status: number, reason: string) => void;
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
  readonly https: boolean;
  /** Told where a connection could not be taken (no file descriptor is left): the server goes on. */
  readonly onServerError: (error: Error) => void;
  readonly now: () => number;
  /** How often connections are looked at; by default every second. */
  readonly intervalMs?: number;
}

export interface Listener {
  /** Resolves with the port. @throws the system's error where the address cannot be listened on */
  listen(host: string, port: number): Promise<number>;
  /** Takes no new connection, lets requests end, and cuts what is left after `shutdown-timeout`. */
  stop(): Promise<void>;
}

/** The sockets of the gateway: requests in, to the request path. */
export function createListener(options: ListenerOptions): Listener {
  const clients = createClients(options);
  const inTurn = createTurns();
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
  server.maxConnections = options.maxConnections;

  const onRequest = (
    request: IncomingMessage,
    response: ServerResponse,
    expectsContinue: boolean,
  ): void => {
    inTurn(request, response, () => {
      serve(options, clients, request, response, expectsContinue);
    });
  };
  server.on('connection', (socket: Socket) => clients.add(socket));
  server.on('request', (request, response) => onRequest(request, response, false));
  server.on('checkContinue', (request, response) => onRequest(request, response, true));
  // framing.ts refuses it.
  server.on('checkExpectation', (request, response) => onRequest(request, response, false));
  server.on('connect', (request, socket) => refuseConnect(options, request, socket));
  server.on('clientError', (error, socket) => onClientError(options, error, socket));

  return {
    listen: async (host, port) => {
      const bound = await listen(server, host, port);
      server.on('error', options.onServerError);
      return bound;
    },
    stop: async () => {
      clients.drain();
      // http.Server's own close() also cuts idle connections, under a client that may just be sending on one.
      NetServer.prototype.close.call(server);
      await Promise.race([clients.allClosed(), after(options.shutdownTimeoutMs)]);
      clients.closeAll();
      clients.stop();
      server.close();
    },
  };
}

function serve(
  options: ListenerOptions,
  clients: Clients,
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
  const exchange = openExchange(options, service, request, response, expectsContinue);
  response.on('close', () => {
    clients.end(socket, response);
    const status = response.headersSent ? response.statusCode : ERRORS['client-gone'].status;
    service.onEnd(exchange, status, socket.bytesWritten - writtenBefore);
  });
  void service.requestPath(exchange);
}

function openExchange(
  { https, now }: ListenerOptions,
  { clientAddress }: Service,
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Exchange {
  return new RequestExchange(request, response, {
    clientAddress: clientAddress(request),
    expectsContinue,
    https,
    startedMs: now(),
  });
}

interface ParserError extends Error {
  readonly code?: string;
}

/**
 * Without a listener Node closes a CONNECT in silence; Kapacitor answers 404 to it. Node has taken its own listeners
 * off the socket: without one for errors, a client's reset would end the process.
 */
function refuseConnect(options: ListenerOptions, request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => socket.destroy());
  const service = options.service();
  service.onBegin();
  const exchange = openExchange(options, service, request, new ServerResponse(request), false);
  // Where an earlier request still waits for its answer, this one would be taken for it.
  if (responseOn(socket) !== undefined) {
    socket.destroy();
    service.onEnd(exchange, ERRORS['client-gone'].status, 0);
    return;
  }
  const answer = rawAnswer(errorAnswer(404, 'Not Found', 'pretty'));
  socket.write(answer);
  halfClose(socket);
  service.onEnd(exchange, 404, answer.length);
}

/** Bytes that Node's parser refuses: an answer, where no other request's is under way, and the connection's end. */
function onClientError(options: ListenerOptions, error: ParserError, socket: Duplex): void {
  // The answer is given, and all that comes behind it is told here too.
  if (socket.writableEnded) return;
  const response = responseOn(socket);
  const isBegun = response !== undefined && (response.headersSent || response.req.complete);
  if (!socket.writable || isBegun || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const refusal = new GatewayError(
    error.code === 'HPE_HEADER_OVERFLOW' ? 'headers-too-large' : 'bad-framing',
  );
  socket.write(rawAnswer(errorAnswer(refusal.status, refusal.message, 'compact')));
  // What was under way must end now, the upstream's part of it too.
  if (response === undefined) {
    const peer = socket instanceof Socket ? (socket.remoteAddress ?? '') : '';
    options.service().onUnread(plainAddress(peer), refusal.status, refusal.message);
    halfClose(socket);
  } else socket.end(() => socket.destroy());
}

/** The response whose turn it is on a connection. */
function responseOn(socket: Duplex): ServerResponse | undefined {
  const response: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return response instanceof ServerResponse ? response : undefined;
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: host === '' ? undefined : host, port }, () => {
      server.off('error', reject);
      resolve(portOf(server.address()));
    });
  });
}

function portOf(address: AddressInfo | string | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}

function after(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds).unref());
}
