import { setTimeout as sleep } from 'node:timers/promises';
import type { InfluxDb } from './influxdb.ts';
import type { InfluxSubscription } from './influxql.ts';

/** What InfluxDB delivered while it was looked at. */
export interface Arrivals {
  /** Points that were answered with 2xx. */
  readonly points: number;
  readonly failedWrites: number;
  readonly ms: number;
}

const PAUSE_MS = 500;

/**
 * Waits until a point arrives, or a write fails, through these subscriptions, by InfluxDB's own count: so nothing needs
 * to be written. @param isOurs which of their destinations count
 */
export async function watchArrivals(
  influxdb: InfluxDb,
  watched: readonly InfluxSubscription[],
  isOurs: (destination: string) => boolean,
  waitMs: number,
): Promise<Arrivals> {
  const startedMs = Date.now();
  const count = (): Promise<Omit<Arrivals, 'ms'>> => countNow(influxdb, watched, isOurs);
  const before = await count();
  for (;;) {
    await sleep(PAUSE_MS);
    const now = await count();
    const points = now.points - before.points;
    const failedWrites = now.failedWrites - before.failedWrites;
    const ms = Date.now() - startedMs;
    if (points > 0 || failedWrites > 0 || ms >= waitMs) return { points, failedWrites, ms };
  }
}

/** A marker in each database, where nobody writes by themselves. */
export async function writeTestPoints(
  influxdb: InfluxDb,
  watched: readonly InfluxSubscription[],
): Promise<void> {
  for (const { database, retentionPolicy } of watched) {
    await influxdb.write(database, retentionPolicy, 'kapgate_test value=1i');
  }
}

export function arrivalsText({ points, failedWrites, ms }: Arrivals): string {
  const seconds = `${(ms / 1000).toFixed(1)} s`;
  if (points === 0 && failedWrites === 0) return `nothing was written within ${seconds}`;
  const failures = failedWrites === 0 ? 'none was refused' : `${failedWrites} writes FAILED`;
  return `${points} points arrived within ${seconds}, ${failures}`;
}

async function countNow(
  influxdb: InfluxDb,
  watched: readonly InfluxSubscription[],
  isOurs: (destination: string) => boolean,
): Promise<Omit<Arrivals, 'ms'>> {
  const deliveries = (await influxdb.deliveries()).filter(
    (each) =>
      isOurs(each.destination) &&
      watched.some(
        ({ database, retentionPolicy, name }) =>
          each.database === database &&
          each.retentionPolicy === retentionPolicy &&
          each.name === name,
      ),
  );
  return {
    points: deliveries.reduce((sum, each) => sum + each.pointsWritten, 0),
    failedWrites: deliveries.reduce((sum, each) => sum + each.writeFailures, 0),
  };
}
