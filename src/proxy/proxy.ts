import type { Handler } from '../kernel/exchange.ts';
import { createConnections } from './connections.ts';
import type { ConnectionLoad, Connections } from './connections.ts';
import { createForward } from './forward.ts';
import type { OnHead } from './forward.ts';
import type { Lane } from './lanes.ts';
import { createPatience } from './patience.ts';
import { createRecheck } from './recheck.ts';
import type { StillAllowed } from './recheck.ts';

export interface ProxyOptions {
  /** Scheme, host and port of Kapacitor. */
  readonly origin: string;
  /** For writes, and as many again for the rest of the API. */
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly clientIdleMs: number;
  /** PEM of the authorities that may have signed Kapacitor's certificate; undefined: those of Node. */
  readonly ca: string | undefined;
  readonly insecureSkipVerify: boolean;
  /** As many readers of the log stream as there are connections, however many of one user: in a rehearsal. */
  readonly anyStreams: boolean;
  /** Asked now and then of each reader of the log stream. */
  readonly stillAllowed: StillAllowed;
  readonly now: () => number;
  /** Told of each head of an answer: how long after its request it came. */
  readonly onHead?: OnHead;
}

export interface Proxy {
  readonly forward: Handler;
  load(): Readonly<Record<Lane, ConnectionLoad>>;
  /** Cuts what is under way. */
  stop(): void;
}

/** A stream holds its connection for as long as its reader stays. */
const MAX_STREAMS = 16;
/** One user must not take the places of all readers of the log. */
const MAX_STREAMS_PER_USER = 4;
/** Requests that may wait for a connection, for each connection there may be. */
const WAITING_PER_CONNECTION = 4;
/** InfluxDB gives a write up after 30 seconds: who waits longer waits for nobody. */
const MAX_WAIT_MS = 30_000;

/** The way to Kapacitor: connections, patience, and the handler that uses them. */
export function createProxy(options: ProxyOptions): Proxy {
  const open = (maxConnections: number): Connections =>
    createConnections({
      ...options,
      maxConnections,
      maxWaiting: maxConnections * WAITING_PER_CONNECTION,
      maxWaitMs: MAX_WAIT_MS,
    });
  const connections: Readonly<Record<Lane, Connections>> = {
    writes: open(options.maxConnections),
    api: open(options.maxConnections),
    streams: open(options.anyStreams ? options.maxConnections : MAX_STREAMS),
  };
  const patience = createPatience(options);
  const recheck = createRecheck(options);
  return {
    forward: createForward({
      connections,
      patience,
      recheck,
      maxStreamsPerUser: options.anyStreams ? Infinity : MAX_STREAMS_PER_USER,
      onHead: options.onHead,
    }),
    load: () => ({
      writes: connections.writes.load(),
      api: connections.api.load(),
      streams: connections.streams.load(),
    }),
    stop: () => {
      patience.stop();
      recheck.stop();
      for (const each of Object.values(connections)) each.close();
    },
  };
}
