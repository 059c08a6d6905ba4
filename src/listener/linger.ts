import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { BodyTaker, ClientRequest } from '../kernel/client-request.ts';
import type { ClientResponse } from '../kernel/client-response.ts';
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
  request: ClientRequest,
  response: ClientResponse,
  limits: LingerLimits = LIMITS,
): void {
  const { body, socket } = request;
  const isThere = body.hasArrived || response.isClosed;
  response.end();
  if (isThere) {
    // What arrived of it and was not read stands before the next request.
    body.take(IGNORED);
    return;
  }
  if (body.length === 'unclear') {
    halfClose(socket, limits.halfClosedMs);
    return;
  }
  drain(request, limits, () => {
    if (body.isOver) socket.destroySoon();
    else halfClose(socket, limits.halfClosedMs);
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

const IGNORED: BodyTaker = {
  onData: () => undefined,
  onEnd: () => undefined,
  onBroken: () => undefined,
};

function drain({ body, socket }: ClientRequest, limits: LingerLimits, onEnd: () => void): void {
  const readBefore = socket.bytesRead;
  let isSettled = false;
  const settle = (): void => {
    if (isSettled) return;
    isSettled = true;
    clearTimeout(timer);
    body.leave();
    onEnd();
  };
  const timer = setTimeout(settle, limits.maxMs);
  body.take({
    onData: () => {
      // Enough: what still comes is nobody's.
      if (socket.bytesRead - readBefore > limits.maxBytes) settle();
    },
    onEnd: settle,
    onBroken: settle,
  });
}
