import type { Socket } from 'node:net';

interface ClientOptions {
  /** How long the head of a request may take, from its first byte on; 0: for ever. */
  readonly headerTimeoutMs: number;
  /** How long a connection may stay open without a request; 0: for ever. */
  readonly idleTimeoutMs: number;
  readonly now: () => number;
}

/** The connections of clients, each idle or busy. */
export interface Clients {
  add(socket: Socket): void;
  /** A request began; call the result when its answer has ended. */
  busy(socket: Socket): () => void;
  closeAll(): void;
  /** Resolves once no connection is left. */
  allClosed(): Promise<void>;
  stop(): void;
}

interface State {
  exchanges: number;
  /** Bytes read when it became idle: what comes after is the head of a next request. */
  bytesWhenIdle: number;
  idleSinceMs: number;
  headSinceMs: number | undefined;
}

const INTERVAL_MS = 1_000;

/**
 * Closes connections whose request head does not come to an end, and those idle for too long. Node's own
 * `headersTimeout` would also cut a connection that never sent a byte, with an answer to no request: Go's client opens
 * such ahead of need, and does not repeat a POST that meets the end of one.
 */
export function createClients(options: ClientOptions): Clients {
  const states = new Map<Socket, State>();
  const emptyListeners = new Set<() => void>();

  const lookAt = (socket: Socket, state: State): void => {
    if (state.exchanges > 0) return;
    const now = options.now();
    if (socket.bytesRead > state.bytesWhenIdle) {
      state.headSinceMs ??= now;
      if (isOver(now - state.headSinceMs, options.headerTimeoutMs)) socket.destroy();
    } else if (isOver(now - state.idleSinceMs, options.idleTimeoutMs)) {
      socket.destroy();
    }
  };

  const timer = setInterval(() => {
    for (const [socket, state] of states) lookAt(socket, state);
  }, INTERVAL_MS);
  timer.unref();

  return {
    add: (socket) => {
      states.set(socket, {
        exchanges: 0,
        bytesWhenIdle: 0,
        idleSinceMs: options.now(),
        headSinceMs: undefined,
      });
      socket.once('close', () => {
        states.delete(socket);
        if (states.size === 0) for (const listener of emptyListeners) listener();
      });
    },
    busy: (socket) => {
      const state = states.get(socket);
      if (state === undefined) return () => undefined;
      state.exchanges++;
      return () => {
        state.exchanges--;
        state.bytesWhenIdle = socket.bytesRead;
        state.idleSinceMs = options.now();
        state.headSinceMs = undefined;
      };
    },
    closeAll: () => {
      for (const socket of states.keys()) socket.destroy();
    },
    allClosed: () =>
      states.size === 0
        ? Promise.resolve()
        : new Promise((resolve) => {
            emptyListeners.add(resolve);
          }),
    stop: () => {
      clearInterval(timer);
    },
  };
}

function isOver(elapsedMs: number, limitMs: number): boolean {
  return limitMs > 0 && elapsedMs >= limitMs;
}
