import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { hasArrived, hasBody } from '../kernel/request-body.ts';
import { rawOf } from './tls.ts';

/** How much of a body that nobody wants is read, and for how long, so that its sender comes to read our answer. */
export interface LingerLimits {
  readonly maxBytes: number;
  readonly maxMs: number;
  /** Between our end of the connection and its death: a reset would overtake the answer. */
  readonly halfClosedMs: number;
}

const LIMITS: LingerLimits = { maxBytes: 16 * 1024 * 1024, maxMs: 5_000, halfClosedMs: 1_000 };

/**
 * Ends a response whose bytes are all written. Closing a connection on which bytes arrive unread resets it, and a
 * client in the middle of sending sees a broken pipe where there was a 401: so the rest of its body is drained,
 * within bounds, then our side is closed, and a moment later the connection (nginx calls it lingering_close).
 */
export function finishResponse(
  request: IncomingMessage,
  response: ServerResponse,
  limits: LingerLimits = LIMITS,
): void {
  if (hasArrived(request) || response.destroyed) {
    response.end();
    // What arrived of it and was not read would keep the next request on this connection from being read.
    if (hasBody(request)) request.resume();
    return;
  }
  sendWhole(request, response);
  drain(request, limits, () => {
    if (request.complete) request.socket.destroySoon();
    else halfClose(request.socket, limits.halfClosedMs);
  });
}

/** Ends our side of a connection now, and reads on for a moment, so that what was sent last is not lost to a reset. */
export function halfClose(socket: Duplex, afterMs = LIMITS.halfClosedMs): void {
  socket.end();
  socket.resume();
  setTimeout(() => socket.destroy(), afterMs).unref();
}

/** So that half an answer never looks whole: an orderly end of the connection would be one to an HTTP/1.0 client. */
export function cut(socket: Socket): void {
  const raw = socket instanceof TLSSocket ? rawOf(socket) : socket;
  // Node neither resets nor closes, ever, one whose end is on its way: all was handed over to it before. Behind a Unix
  // socket there is no address, and nothing to reset.
  if (socket.writableEnded || raw.remoteAddress === undefined) socket.destroy();
  else raw.resetAndDestroy();
}

/** All that `end()` would send; it would also have Node close the connection at once. */
function sendWhole(request: IncomingMessage, response: ServerResponse): void {
  response.flushHeaders();
  if (response.chunkedEncoding) request.socket.write('0\r\n\r\n');
}

function drain(request: IncomingMessage, limits: LingerLimits, onEnd: () => void): void {
  const { socket } = request;
  const readBefore = socket.bytesRead;
  const settle = (): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', settle).off('close', settle);
    request.resume();
    onEnd();
  };
  const onData = (): void => {
    if (socket.bytesRead - readBefore <= limits.maxBytes) return;
    settle();
    // Enough: what still comes stays where it is.
    request.pause();
  };
  const timer = setTimeout(settle, limits.maxMs);
  request.on('data', onData).on('end', settle).on('close', settle);
  request.resume();
}
