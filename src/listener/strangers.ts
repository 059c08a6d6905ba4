import type { Socket } from 'node:net';

/** Connections on which nobody has proved who they are, and no request is under way: the first to give way. */
export interface Strangers {
  /** The connection waits for a request from now on. */
  add(socket: Socket): void;
  delete(socket: Socket): void;
  /** The one that has waited longest; it is none of them any more. */
  takeOldest(): Socket | undefined;
}

/** In the order in which they began to wait. */
export function createStrangers(): Strangers {
  const waiting = new Set<Socket>();
  // Goes on where it stopped: from the start it would pass, each time, over the places of all who have left.
  let oldest = waiting.values();
  return {
    add: (socket) => {
      waiting.delete(socket);
      waiting.add(socket);
    },
    delete: (socket) => {
      waiting.delete(socket);
    },
    takeOldest: () => {
      let next = oldest.next();
      if (next.done === true) {
        oldest = waiting.values();
        next = oldest.next();
      }
      if (next.done === true) return undefined;
      waiting.delete(next.value);
      return next.value;
    },
  };
}
