import { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { errorAnswer } from '../kernel/answer.ts';
import { GatewayError } from '../kernel/errors.ts';
import { halfClose } from './linger.ts';
import { rawAnswer } from './write-answer.ts';

interface ParserError extends Error {
  readonly code?: string;
}

/** Told of each refusal that is no part of a request. */
type OnRefusal = (refusal: GatewayError) => void;

/** Bytes that Node's parser refuses: an answer, where no other request's is under way, and the connection's end. */
export function refuseBytes(error: ParserError, socket: Duplex, onRefusal: OnRefusal): void {
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
  write(socket, refusal);
  // What was under way must end now, the upstream's part of it too.
  if (response === undefined) {
    onRefusal(refusal);
    halfClose(socket);
  } else socket.end(() => socket.destroy());
}

/** HTTP where TLS is spoken: an answer that says so, as Go's server gives it. */
export function refusePlain(socket: Duplex, onRefusal: OnRefusal): void {
  const refusal = new GatewayError('bad-framing', { message: 'this port speaks HTTPS, not HTTP' });
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
