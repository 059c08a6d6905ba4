import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { errorAnswer } from '../kernel/answer.ts';
import type { ClientResponse } from '../kernel/client-response.ts';
import { GatewayError } from '../kernel/errors.ts';
import { halfClose } from './linger.ts';
import { rawAnswer } from './write-answer.ts';

/** The answer to bytes that are no request, and the end of their connection. */
export function refuseUnread(socket: Socket, refusal: GatewayError): void {
  // The answer before it may have been the connection's last.
  if (!socket.writable) return;
  write(socket, refusal);
  halfClose(socket);
}

/** A request whose body breaks off in nonsense: what was under way ends now, the upstream's part of it too. */
export function refuseBody(socket: Socket, response: ClientResponse, refusal: GatewayError): void {
  // It was answered before its body had come.
  if (response.isEnded) {
    halfClose(socket);
    return;
  }
  // No other answer may stand amid one that has begun.
  if (response.isBegun) {
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

function write(socket: Duplex, refusal: GatewayError): void {
  socket.write(rawAnswer(errorAnswer(refusal.status, refusal.message, 'compact')));
}
