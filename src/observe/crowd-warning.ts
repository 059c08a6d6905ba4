import type { Log } from '../kernel/log.ts';

/** Under a flood the operator reads of it once a minute. */
const INTERVAL_MS = 60_000;

/** Tells that connections are closed because there are too many, once for all of a while. */
export function createCrowdWarning(
  log: Log,
  now: () => number,
  maxConnections: number,
): () => void {
  let warnedMs = -Infinity;
  let closed = 0;
  return () => {
    closed++;
    if (now() - warnedMs < INTERVAL_MS) return;
    log.warn('too many connections: the longest idle ones that never logged in are closed', {
      'max-connections': maxConnections,
      closed,
    });
    warnedMs = now();
    closed = 0;
  };
}
