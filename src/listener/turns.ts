import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** Requests that may wait on one connection: more would only be a flood that sits in our memory. */
const MAX_WAITING = 100;

/** The order of requests on each connection. */
export interface Turns {
  /**
   * Calls `start` when it is this request's turn on its connection; never where the connection ends before, or has been
   * told to end by the last answer (RFC 9112 §9.6): nobody would learn what came of it.
   */
  readonly take: (request: IncomingMessage, response: ServerResponse, start: () => void) => void;
  /** The response to the last request that was read on a connection. */
  readonly lastOn: (socket: Duplex) => ServerResponse | undefined;
}

/**
 * One request at a time on a connection, in the order in which they came, as in Go's server. Node would begin those
 * behind at once, and would not say a word to their responses when the connection ends.
 */
export function createTurns(): Turns {
  const waiting = new WeakMap<Socket, number>();
  const last = new WeakMap<Duplex, ServerResponse>();
  return {
    lastOn: (socket) => last.get(socket),
    take: (request, response, start) => {
      const { socket } = request;
      if (!socket.writable) return;
      last.set(socket, response);
      // Node gives a response the socket when it is the first one in the queue.
      if (response.socket !== null) {
        start();
        return;
      }
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
    },
  };
}
