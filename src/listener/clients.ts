import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface ClientOptions {
  /** How long the head of a request may take, from its first byte on; 0: for ever. */
  readonly headerTimeoutMs: number;
  /** How long a connection may stay open without a request; 0: for ever. */
  readonly idleTimeoutMs: number;
  /** How long the client may leave the end of an answer unread; 0: for ever. */
  readonly bodyIdleTimeoutMs: number;
  readonly now: () => number;
  /** How often connections are looked at. */
  readonly intervalMs?: number;
}

/** The connections of clients, each idle or busy. */
export interface Clients {
  add(socket: Socket): void;
  /** A request began on it. */
  begin(socket: Socket, response: ServerResponse): void;
  /** The answer has ended. */
  end(socket: Socket, response: ServerResponse): void;
  /** From now on each answer ends its connection. */
  drain(): void;
  closeAll(): void;
  stop(): void;
}

interface State {
  response: ServerResponse | undefined;
  /** Bytes read when it became idle: what comes after is the head of a next request. */
  bytesWhenIdle: number;
  idleSinceMs: number;
  headSinceMs: number | undefined;
  /** How much of an ended answer the client has taken, and since when no more than that. */
  taken: number;
  takenSinceMs: number;
}

const INTERVAL_MS = 1_000;

/**
 * Closes connections whose request head does not come to an end, those idle for too long, and those whose client does
 * not read its answer. Node's own `headersTimeout` would also cut a connection that never sent a byte, with an answer
 * to no request: Go's client opens such ahead of need, and does not repeat a POST that meets the end of one.
 */
export function createClients(options: ClientOptions): Clients {
  const states = new Map<Socket, State>();
  let isDraining = false;

  const timer = setInterval(() => {
    for (const [socket, state] of states) {
      if (isOverdue(socket, state, options)) socket.destroy();
    }
  }, options.intervalMs ?? INTERVAL_MS);
  timer.unref();

  return {
    add: (socket) => {
      states.set(socket, newState(options.now()));
      socket.once('close', () => {
        states.delete(socket);
      });
    },
    begin: (socket, response) => {
      if (isDraining) response.shouldKeepAlive = false;
      const state = states.get(socket);
      if (state !== undefined) state.response = response;
    },
    end: (socket, response) => {
      const state = states.get(socket);
      // The next request of the connection may have begun already.
      if (state?.response !== response) return;
      state.response = undefined;
      state.bytesWhenIdle = socket.bytesRead;
      state.idleSinceMs = options.now();
      state.headSinceMs = undefined;
      state.taken = -1;
    },
    drain: () => {
      isDraining = true;
      for (const { response } of states.values()) {
        if (response?.headersSent === false) response.shouldKeepAlive = false;
      }
    },
    closeAll: () => {
      for (const socket of states.keys()) socket.destroy();
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

function newState(nowMs: number): State {
  return {
    response: undefined,
    bytesWhenIdle: 0,
    idleSinceMs: nowMs,
    headSinceMs: undefined,
    taken: -1,
    takenSinceMs: nowMs,
  };
}

function isOverdue(socket: Socket, state: State, options: ClientOptions): boolean {
  const now = options.now();
  if (state.response !== undefined) {
    if (!state.response.writableEnded) return false;
    const taken = socket.bytesWritten - socket.writableLength;
    if (taken !== state.taken) Object.assign(state, { taken, takenSinceMs: now });
    return isOver(now - state.takenSinceMs, options.bodyIdleTimeoutMs);
  }
  if (socket.bytesRead > state.bytesWhenIdle) {
    state.headSinceMs ??= now;
    return isOver(now - state.headSinceMs, options.headerTimeoutMs);
  }
  return isOver(now - state.idleSinceMs, options.idleTimeoutMs);
}

function isOver(elapsedMs: number, limitMs: number): boolean {
  return limitMs > 0 && elapsedMs >= limitMs;
}
