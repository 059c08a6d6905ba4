import type { Socket } from 'node:net';

/** Connections on which nobody has proved who they are, and no request is under way: the first to give way. */
export interface Strangers {
  /** The connection waits for a request from now on. */
  add(socket: Socket): void;
  delete(socket: Socket): void;
  /** The one that has waited longest; it is none of them any more. */
  takeOldest(): Socket | undefined;
}

interface Place {
  readonly socket: Socket;
  before: Place | undefined;
  after: Place | undefined;
}

/**
 * In the order in which they began to wait: a list, as in a flood each newcomer asks for the oldest. The first of a Set
 * is found behind the places of all who have left, and an iterator that is kept holds every table that the Set outgrew.
 */
export function createStrangers(): Strangers {
  const places = new Map<Socket, Place>();
  let oldest: Place | undefined;
  let newest: Place | undefined;

  const remove = (socket: Socket): void => {
    const place = places.get(socket);
    if (place === undefined) return;
    places.delete(socket);
    if (place.before === undefined) oldest = place.after;
    else place.before.after = place.after;
    if (place.after === undefined) newest = place.before;
    else place.after.before = place.before;
  };

  return {
    add: (socket) => {
      remove(socket);
      const place: Place = { socket, before: newest, after: undefined };
      if (newest === undefined) oldest = place;
      else newest.after = place;
      newest = place;
      places.set(socket, place);
    },
    delete: remove,
    takeOldest: () => {
      const socket = oldest?.socket;
      if (socket !== undefined) remove(socket);
      return socket;
    },
  };
}
