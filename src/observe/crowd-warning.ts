import type { Log } from '../kernel/log.ts';
import { Pace } from './pace.ts';

/** Tells that connections are closed because there are too many, once for all of a while. */
export function createCrowdWarning(
  log: Log,
  now: () => number,
  maxConnections: number,
): () => void {
  const pace = new Pace(now);
  let closed = 0;
  return () => {
    closed++;
    if (!pace.isDue()) return;
    log.warn('too many connections: the longest idle ones that never logged in are closed', {
      'max-connections': maxConnections,
      closed,
    });
    pace.told();
    closed = 0;
  };
}
