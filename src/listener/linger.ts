import type { IncomingMessage, ServerResponse } from 'node:http';

/** How much of a body that nobody wants is read, and for how long, so that its sender comes to read our answer. */
const MAX_DRAINED_BYTES = 16 * 1024 * 1024;
const MAX_DRAIN_MS = 5_000;
/** Between our end of the connection and its death: a reset would overtake the answer. */
const HALF_CLOSED_MS = 1_000;

/**
 * Ends a response whose bytes are all written. Closing a connection on which bytes arrive unread resets it, and a
 * client in the middle of sending sees a broken pipe where there was a 401: so the rest of its body is drained,
 * within bounds, then our side is closed, and a moment later the connection (nginx calls it lingering_close).
 */
export function finishResponse(
  request: IncomingMessage,
  response: ServerResponse,
  awaitsContinue: boolean,
): void {
  if (request.complete || awaitsContinue || response.destroyed) {
    response.end();
    return;
  }
  const { socket } = request;
  const readBefore = socket.bytesRead;
  const settle = (): void => {
    clearTimeout(timer);
    request.off('data', onData).off('end', settle).off('close', settle);
    if (request.complete || response.destroyed) {
      response.end();
      return;
    }
    socket.end();
    request.resume();
    setTimeout(() => socket.destroy(), HALF_CLOSED_MS).unref();
  };
  const onData = (): void => {
    if (socket.bytesRead - readBefore > MAX_DRAINED_BYTES) settle();
  };
  const timer = setTimeout(settle, MAX_DRAIN_MS);
  request.on('data', onData).on('end', settle).on('close', settle);
  request.resume();
}
