import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Requests that may wait on one connection: more would only be a flood that sits in our memory. */
const MAX_WAITING = 100;

/** Calls `start` when it is this request's turn on its connection; never where the connection ends before. */
export type Turns = (request: IncomingMessage, response: ServerResponse, start: () => void) => void;

/**
 * One request at a time on a connection, in the order in which they came, as in Go's server. Node would begin those
 * behind at once, and would not say a word to their responses when the connection ends.
 */
export function createTurns(): Turns {
  const waiting = new WeakMap<Socket, number>();
  return (request, response, start) => {
    // Node gives a response the socket when it is the first one in the queue.
    if (response.socket !== null) {
      start();
      return;
    }
    const { socket } = request;
    const before = waiting.get(socket) ?? 0;
    if (before >= MAX_WAITING) {
      socket.destroy();
      return;
    }
    waiting.set(socket, before + 1);
    response.once('socket', () => {
      waiting.set(socket, (waiting.get(socket) ?? 1) - 1);
      start();
    });
  };
}
