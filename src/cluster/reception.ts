import type { Socket } from 'node:net';
import type { Door } from '../listener/doors.ts';

/** A worker, as far as it is handed clients. */
export interface Receiver {
  /** The socket stays open here too, until the worker has it. */
  hand(client: Client): void;
}

export interface Client {
  readonly socket: Socket;
  readonly door: Door['kind'];
}

interface Desk {
  readonly worker: Receiver;
  /** Of the worker, with those on their way. */
  clients: number;
  readonly line: Client[];
  /** Who is on the way to the worker: one at a time. */
  handed: Client | undefined;
  /** How often the worker was heard of since. */
  heard: number;
}

/** Who stands in line at a worker that stands still waits until that is replaced: so few that it hardly matters. */
const LINE = 8;
/** A client that was not taken after this many signs of life was lost on its way. */
const LOST_AFTER = 3;

/**
 * Gives each client that comes in to the worker that has the fewest: they stay for hours, and a few of them send most, so
 * it is not whose turn it is that counts. Who comes while all lines are full waits here, also while no worker is there:
 * one that is started anew finds them.
 */
export class Reception {
  readonly #maxClients: number;
  readonly #desks = new Map<Receiver, Desk>();
  readonly #waiting: Client[] = [];

  /** @param maxClients of all workers, and of those who wait, together; who comes then is sent away */
  constructor(maxClients: number) {
    this.#maxClients = maxClients;
  }

  take(client: Client): void {
    let clients = this.#waiting.length;
    for (const desk of this.#desks.values()) clients += desk.clients;
    if (clients >= this.#maxClients) {
      client.socket.destroy();
      return;
    }
    this.#waiting.push(client);
    this.#serve();
  }

  /** The worker takes clients from now on. */
  open(worker: Receiver): void {
    this.#desks.set(worker, { worker, clients: 0, line: [], handed: undefined, heard: 0 });
    this.#serve();
  }

  /** So many clients have come to the worker since it last said so, and so many have left it. */
  note(worker: Receiver, came: number, left: number): void {
    const desk = this.#desks.get(worker);
    if (desk === undefined) return;
    desk.clients -= left;
    if (came > 0) arrive(desk);
    this.#serve();
  }

  /** The worker is there, whether or not what it was handed has reached it. */
  noteAlive(worker: Receiver): void {
    const desk = this.#desks.get(worker);
    if (desk?.handed === undefined) return;
    desk.heard += 1;
    if (desk.heard < LOST_AFTER) return;
    desk.clients -= 1;
    arrive(desk);
  }

  /** The worker is gone, and its clients with it. */
  close(worker: Receiver): void {
    const desk = this.#desks.get(worker);
    if (desk === undefined) return;
    this.#desks.delete(worker);
    // It may have read some of what this one sent: what comes behind that is no beginning for another worker.
    desk.handed?.socket.destroy();
    this.#waiting.unshift(...desk.line);
    this.#serve();
  }

  /** Sends away who still waits. */
  end(): void {
    const lines = Array.from(this.#desks.values(), ({ line }) => line.splice(0));
    for (const { socket } of [...this.#waiting.splice(0), ...lines.flat()]) socket.destroy();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      const desk = fewest(this.#desks.values());
      const client = desk === undefined ? undefined : this.#waiting.shift();
      if (desk === undefined || client === undefined) return;
      desk.clients += 1;
      desk.line.push(client);
      handNext(desk);
    }
  }
}

function arrive(desk: Desk): void {
  desk.handed?.socket.destroy();
  desk.handed = undefined;
  handNext(desk);
}

function fewest(desks: Iterable<Desk>): Desk | undefined {
  let found: Desk | undefined;
  for (const desk of desks) {
    if (desk.line.length >= LINE) continue;
    if (found === undefined || desk.clients < found.clients) found = desk;
  }
  return found;
}

function handNext(desk: Desk): void {
  if (desk.handed !== undefined) return;
  desk.handed = desk.line.shift();
  desk.heard = 0;
  if (desk.handed !== undefined) desk.worker.hand(desk.handed);
}
