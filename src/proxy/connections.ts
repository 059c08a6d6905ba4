import { Client } from 'undici';
import { createQueue } from './queue.ts';

/** One connection to the upstream, for one request at a time. */
export interface Connection {
  readonly client: Client;
  /** Answers since the socket was opened: after the first, a reset may only mean that it was idle. */
  answers: number;
}

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
  close(): Promise<void>;
}

/** How many are in use, and how many requests wait for one. */
export interface ConnectionLoad {
  readonly inUse: number;
  readonly waiting: number;
}

export interface ConnectionOptions {
  readonly origin: string;
  readonly maxConnections: number;
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
  readonly connectTimeoutMs: number;
  /** PEM; with https only. */
  readonly ca: string | undefined;
  readonly insecureSkipVerify: boolean;
}

/** Kapacitor keeps idle connections open for ever; a minute is enough to be reused under load. */
const KEEP_ALIVE_MS = 60_000;
/** Kapacitor's answers have few headers, but httpOut nodes and proxies before it may add to them. */
const MAX_RESPONSE_HEADER_BYTES = 256 * 1024;

export function createConnections(options: ConnectionOptions): Connections {
  const all = new Set<Connection>();
  // The most recently used first: under little load few connections are kept warm, the others time out.
  const idle: Connection[] = [];
  const queue = createQueue<Connection>(options);

  return {
    take: (isWanted) => {
      const free = idle.pop();
      if (free !== undefined) return free;
      if (all.size >= options.maxConnections) return queue.wait(isWanted);
      const connection = openConnection(options);
      all.add(connection);
      return connection;
    },
    giveBack: (connection) => {
      if (!queue.give(connection)) idle.push(connection);
    },
    load: () => ({ inUse: all.size - idle.length, waiting: queue.size() }),
    close: async () => {
      queue.refuseAll();
      await Promise.all([...all].map(({ client }) => client.destroy()));
    },
  };
}

/** The socket opens with the first request, and again after it was closed. */
function openConnection(options: ConnectionOptions): Connection {
  const client = new Client(options.origin, {
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: MAX_RESPONSE_HEADER_BYTES,
    // Who waits for whom, and for how long, is decided in patience.ts.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: options.connectTimeoutMs,
      rejectUnauthorized: !options.insecureSkipVerify,
      ...(options.ca === undefined ? {} : { ca: options.ca }),
    },
  });
  const connection: Connection = { client, answers: 0 };
  client.on('connect', () => {
    connection.answers = 0;
  });
  return connection;
}
