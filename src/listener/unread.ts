import { ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorAnswer } from '../kernel/answer.ts';
import { GatewayError } from '../kernel/errors.ts';
import { halfClose } from './linger.ts';
import { rawAnswer } from './write-answer.ts';

/** What Node's parser says of bytes that it refuses. */
interface ParserError extends Error {
  readonly code?: string;
}

interface UnreadOptions {
  /** The response to the last request that was read on a connection; undefined where there was none. */
  readonly lastResponseOn: (socket: Duplex) => ServerResponse | undefined;
  /** Told where bytes were refused that belong to no request. */
  readonly onUnread: (socket: Socket, refusal: GatewayError) => void;
}

/** What is read on, once it was found to be no request, so that its sender comes to read our answer: more is a flood. */
const MAX_IGNORED_BYTES = 1024 * 1024;

/**
 * The answer to bytes that Node's parser refuses, and the end of their connection. A whole request before them is
 * answered first, as Go's server does.
 */
export function createUnread(options: UnreadOptions): (error: ParserError, socket: Duplex) => void {
  const refusedAt = new WeakMap<Socket, number>();
  return (error, socket) => {
    if (!(socket instanceof Socket) || error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    // All that comes behind it is told here too.
    const alreadyRefusedAt = refusedAt.get(socket);
    if (alreadyRefusedAt !== undefined) {
      if (socket.bytesRead - alreadyRefusedAt > MAX_IGNORED_BYTES) socket.destroy();
      return;
    }
    // An answer is given that is its connection's last.
    if (socket.writableEnded) return;
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const refusal = refusalOf(error);
    const last = options.lastResponseOn(socket);
    const isPending = last?.destroyed === false;
    if (isPending && !last.req.complete) {
      refuseBody(socket, last, refusal);
      return;
    }
    refusedAt.set(socket, socket.bytesRead);
    options.onUnread(socket, refusal);
    if (isPending) last.once('finish', () => refuse(socket, refusal));
    else refuse(socket, refusal);
  };
}

function refusalOf({ code }: ParserError): GatewayError {
  if (code === 'HPE_HEADER_OVERFLOW') return new GatewayError('headers-too-large');
  if (code !== 'HPE_CHUNK_EXTENSIONS_OVERFLOW') return new GatewayError('bad-framing');
  return new GatewayError('body-too-large', {
    message: 'the extensions of the chunks are too long',
  });
}

function refuse(socket: Socket, refusal: GatewayError): void {
  // The answer before it may have been the connection's last.
  if (!socket.writable) return;
  write(socket, refusal);
  halfClose(socket);
}

/** A request whose body breaks off in nonsense: what was under way ends now, the upstream's part of it too. */
function refuseBody(socket: Socket, response: ServerResponse, refusal: GatewayError): void {
  // Its turn has not come, or its answer has begun: no other may stand there.
  if (response.socket === null || response.headersSent) {
    socket.destroy();
    return;
  }
  write(socket, refusal);
  socket.end(() => socket.destroy());
}

/** HTTP where TLS is spoken: an answer that says so. */
export function refusePlain(socket: Duplex, onRefusal: (refusal: GatewayError) => void): void {
  const refusal = new GatewayError('https-only');
  write(socket, refusal);
  onRefusal(refusal);
  halfClose(socket);
}

/** The response whose turn it is on a connection. */
export function responseOn(socket: Duplex): ServerResponse | undefined {
  const response: unknown = '_httpMessage' in socket ? socket._httpMessage : undefined;
  return response instanceof ServerResponse ? response : undefined;
}

function write(socket: Duplex, refusal: GatewayError): void {
  socket.write(rawAnswer(errorAnswer(refusal.status, refusal.message, 'compact')));
}
