import type { Socket } from 'node:net';
import type { ClientResponse } from '../kernel/client-response.ts';
import { createStrangers } from './strangers.ts';

interface ClientOptions {
  /** How long the head of a request may take, from its first byte on; 0: for ever. */
  readonly headerTimeoutMs: number;
  /** How long a connection may stay open without a request; 0: for ever. */
  readonly idleTimeoutMs: number;
  /** How long the client may leave the end of an answer unread; 0: for ever. */
  readonly bodyIdleTimeoutMs: number;
  readonly maxConnections: number;
  /** Told where a connection was closed because there are too many. */
  readonly onCrowded: () => void;
  readonly now: () => number;
  /** How often connections are looked at. */
  readonly intervalMs?: number;
}

/** The connections of clients, each idle or busy. */
export interface Clients {
  /** Where there are too many, one is closed: the longest idle one on which nobody ever proved who they are, or this. */
  add(socket: Socket): void;
  /** A request began on it. */
  begin(socket: Socket, response: ClientResponse): void;
  /**
   * The answer has ended.
   * @param isProven whether its client proved who they are: that holds for the connection
   * @returns the bytes that came since the last one ended
   */
  end(socket: Socket, response: ClientResponse, isProven: boolean): number;
  /** From now on each answer ends its connection. */
  drain(): void;
  closeAll(): void;
  stop(): void;
}

interface State {
  isProven: boolean;
  response: ClientResponse | undefined;
  /** Bytes read when it became idle: what comes after is the head of a next request. */
  bytesWhenIdle: number;
  /** Bytes that were counted for a request. */
  bytesCounted: number;
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
  const strangers = createStrangers();
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
      strangers.add(socket);
      socket.once('close', () => {
        states.delete(socket);
        strangers.delete(socket);
      });
      if (states.size <= options.maxConnections) return;
      // At the latest it is the newcomer.
      const stranger = strangers.takeOldest() ?? socket;
      states.delete(stranger);
      stranger.destroy();
      options.onCrowded();
    },
    begin: (socket, response) => {
      strangers.delete(socket);
      if (isDraining) response.isLast = true;
      const state = states.get(socket);
      if (state !== undefined) state.response = response;
    },
    end: (socket, response, isProven) => {
      const state = states.get(socket);
      if (state === undefined) return 0;
      state.isProven ||= isProven;
      const bytes = socket.bytesRead - state.bytesCounted;
      state.bytesCounted = socket.bytesRead;
      // The next request of the connection may have begun already.
      if (state.response !== response) return bytes;
      becomeIdle(socket, state, options.now());
      if (!state.isProven) strangers.add(socket);
      return bytes;
    },
    drain: () => {
      isDraining = true;
      for (const { response } of states.values()) {
        if (response?.isBegun === false) response.isLast = true;
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
    isProven: false,
    response: undefined,
    bytesWhenIdle: 0,
    bytesCounted: 0,
    idleSinceMs: nowMs,
    headSinceMs: undefined,
    taken: -1,
    takenSinceMs: nowMs,
  };
}

function becomeIdle(socket: Socket, state: State, nowMs: number): void {
  state.response = undefined;
  state.bytesWhenIdle = socket.bytesRead;
  state.idleSinceMs = nowMs;
  state.headSinceMs = undefined;
  state.taken = -1;
}

function isOverdue(socket: Socket, state: State, options: ClientOptions): boolean {
  const now = options.now();
  if (state.response !== undefined) {
    // linger.ts ends the connection where it does not end the response.
    if (!state.response.isEnded && !socket.writableEnded) return false;
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
