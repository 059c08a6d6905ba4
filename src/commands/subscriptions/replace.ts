import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../kernel/errors.ts';
import { CommandError } from '../terminal.ts';
import type { InfluxDb } from './influxdb.ts';
import { createStatement, dropStatement } from './influxql.ts';
import type { InfluxSubscription, Place } from './influxql.ts';

const ATTEMPTS = 5;
const PAUSE_MS = 10;
const MAX_PAUSES = 1000;

/**
 * Drops one subscription and makes it anew with another URL, waiting in between until InfluxDB has let go of it: its
 * subscriber knows them by name only, and where it sees the new one before it has missed the old one, it goes on writing
 * to the old URL, whatever SHOW SUBSCRIPTIONS says (influxdb services/subscriber/service.go updateSubs).
 * @returns for how many milliseconds there was none
 * @throws CommandError with the statement that is still to be run
 */
export async function replaceSubscription(
  influxdb: InfluxDb,
  subscription: InfluxSubscription,
  destination: string,
): Promise<number> {
  await influxdb.run(dropStatement(subscription));
  const droppedMs = Date.now();
  try {
    await waitUntilGone(influxdb, subscription);
    await create(influxdb, subscription, destination);
  } catch (cause) {
    const statement = createStatement(subscription, destination);
    throw new CommandError(
      `${messageOf(cause)}\nkapgate: THE SUBSCRIPTION IS GONE: until this statement is run nothing is written to Kapacitor:\n  ${statement}`,
      1,
      { cause },
    );
  }
  return Date.now() - droppedMs;
}

async function waitUntilGone(influxdb: InfluxDb, subscription: InfluxSubscription): Promise<void> {
  for (let pause = 0; pause < MAX_PAUSES; pause++) {
    if (!(await influxdb.deliveries()).some((each) => isOf(subscription, each))) return;
    await dropRemade(influxdb, subscription);
    await sleep(PAUSE_MS);
  }
  throw new CommandError('InfluxDB does not let go of the dropped subscription: restart it');
}

async function create(
  influxdb: InfluxDb,
  subscription: InfluxSubscription,
  destination: string,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await influxdb.run(createStatement(subscription, destination));
      return;
    } catch (thrown) {
      if (attempt >= ATTEMPTS) throw thrown;
      if (await dropRemade(influxdb, subscription)) await waitUntilGone(influxdb, subscription);
      else await sleep(PAUSE_MS * attempt);
    }
  }
}

/** A Kapacitor that runs makes one that it misses anew, with the URL without a secret: it looks once a minute. */
async function dropRemade(influxdb: InfluxDb, subscription: InfluxSubscription): Promise<boolean> {
  const isThere = (await influxdb.subscriptions()).some((each) => isOf(subscription, each));
  if (isThere) await influxdb.run(dropStatement(subscription));
  return isThere;
}

function isOf({ database, retentionPolicy, name }: InfluxSubscription, place: Place): boolean {
  return (
    place.database === database && place.retentionPolicy === retentionPolicy && place.name === name
  );
}
