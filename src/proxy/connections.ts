import { Connection } from './connection.ts';
import { createDepartures } from './departures.ts';
import { createDial } from './dial.ts';
import type { DialOptions } from './dial.ts';
import { createQueue } from './queue.ts';

/** A bounded number of connections, with a bounded queue of requests that wait for one. */
export interface Connections {
  /**
   * A free connection, at once or after waiting for one.
   * @param isWanted false once nobody waits for it any more
   * @throws GatewayError overloaded: the queue is full, or the wait was too long
   */
  take(isWanted: () => boolean): Connection | Promise<Connection>;
  /** Gives a connection back, once for each time it was taken; its next user finds it as it is, open or closed. */
  giveBack(connection: Connection): void;
  load(): ConnectionLoad;
  /** Closes idle connections and those in use. */
  close(): void;
}

/** How many are in use, and how many requests wait for one. */
export interface ConnectionLoad {
  readonly inUse: number;
  readonly waiting: number;
}

export interface ConnectionOptions extends DialOptions {
  readonly maxConnections: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
}

/** How often idle connections are looked at: no timer for each. */
const SWEEP_MS = 1_000;

export function createConnections(options: ConnectionOptions): Connections {
  const all = new Set<Connection>();
  // The most recently used first: under little load few connections are kept warm, the others time out.
  const idle: Connection[] = [];
  const queue = createQueue<Connection>(options);
  const dial = createDial(options);
  const departures = createDepartures();
  const sweep = setInterval(() => {
    for (const connection of idle) connection.age(SWEEP_MS);
  }, SWEEP_MS);
  sweep.unref();

  return {
    take: (isWanted) => {
      const free = idle.pop();
      if (free !== undefined) return free;
      if (all.size >= options.maxConnections) return queue.wait(isWanted);
      const connection = new Connection(dial, departures);
      all.add(connection);
      return connection;
    },
    giveBack: (connection) => {
      if (!queue.give(connection)) idle.push(connection);
    },
    load: () => ({ inUse: all.size - idle.length, waiting: queue.size() }),
    close: () => {
      clearInterval(sweep);
      queue.refuseAll();
      for (const connection of all) connection.close();
    },
  };
}
