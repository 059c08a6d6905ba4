import { GatewayError } from '../kernel/errors.ts';

/** Whom a transfer waits for, and a number that changes whenever it gets on. */
export interface Wait {
  readonly for: 'client-bytes' | 'client-reading' | 'upstream-head' | 'nobody';
  readonly progress: number;
}

/** What a transfer was seen to wait for, and since when. */
export interface Look {
  readonly wait: Wait;
  readonly sinceMs: number;
}

/** Of a transfer that nobody has looked at. */
export const NOT_LOOKED_AT: Look = { wait: { for: 'nobody', progress: -1 }, sinceMs: 0 };

/** A transfer under way. */
export interface Transfer {
  /** What it waited for when it was last looked at, and since when; kept here for whoever watches it. */
  lastLook: Look;
  /** Where it stands among those that are watched; kept here too. */
  watchedAt?: number | undefined;
  currentWait(): Wait;
  giveUp(error: GatewayError): void;
}

interface PatienceOptions {
  /** How long a client may neither send nor read while we wait for it; 0: for ever. */
  readonly clientIdleMs: number;
  /** How long Kapacitor may take for the head of its answer once it has the request; 0: for ever. */
  readonly responseTimeoutMs: number;
  readonly now: () => number;
  /** How often transfers are looked at: no timer a request, and no limit is finer than this. */
  readonly intervalMs?: number;
}

export interface Patience {
  watch(transfer: Transfer): void;
  forget(transfer: Transfer): void;
  stop(): void;
}

const INTERVAL_MS = 1_000;

/**
 * Gives up transfers that stand still. Nothing limits how long one takes while its bytes flow, nor how long a body
 * may be silent that Kapacitor is sending: a log stream may be so for hours.
 */
export function createPatience(options: PatienceOptions): Patience {
  // No Set: each table that it outgrows holds on to the next one, and so to what stood in it, past many collections.
  const watched: Transfer[] = [];

  const forget = (transfer: Transfer): void => {
    const at = transfer.watchedAt;
    if (at === undefined) return;
    transfer.watchedAt = undefined;
    const last = watched.pop();
    if (last === undefined || last === transfer) return;
    watched[at] = last;
    last.watchedAt = at;
  };

  const lookAt = (transfer: Transfer): void => {
    const wait = transfer.currentWait();
    const before = transfer.lastLook;
    if (wait.for !== before.wait.for || wait.progress !== before.wait.progress) {
      transfer.lastLook = { wait, sinceMs: options.now() };
      return;
    }
    const limitMs = limitFor(wait, options);
    if (limitMs === 0 || options.now() - before.sinceMs < limitMs) return;
    forget(transfer);
    transfer.giveUp(
      new GatewayError(wait.for === 'upstream-head' ? 'upstream-timeout' : 'slow-client'),
    );
  };

  const timer = setInterval(() => {
    // From the end on: whoever takes the place of one that is forgotten was looked at before.
    for (let at = watched.length - 1; at >= 0; at--) {
      const transfer = watched[at];
      if (transfer !== undefined) lookAt(transfer);
    }
  }, options.intervalMs ?? INTERVAL_MS);
  timer.unref();

  return {
    watch: (transfer) => {
      transfer.watchedAt = watched.push(transfer) - 1;
    },
    forget,
    stop: () => {
      clearInterval(timer);
    },
  };
}

function limitFor(wait: Wait, options: PatienceOptions): number {
  switch (wait.for) {
    case 'client-bytes':
    case 'client-reading':
      return options.clientIdleMs;
    case 'upstream-head':
      return options.responseTimeoutMs;
    case 'nobody':
      return 0;
  }
}
