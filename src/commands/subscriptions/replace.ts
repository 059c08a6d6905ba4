import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../kernel/errors.ts';
import { CommandError } from '../terminal.ts';
import type { InfluxDb } from './influxdb.ts';
import { createStatement, dropStatement } from './influxql.ts';
import type { InfluxSubscription } from './influxql.ts';

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
  const statement = createStatement(subscription, destination);
  try {
    await waitUntilGone(influxdb, subscription);
    await create(influxdb, statement);
  } catch (cause) {
    throw new CommandError(
      `${messageOf(cause)}\nkapgate: THE SUBSCRIPTION IS GONE: until this statement is run nothing is written to Kapacitor:\n  ${statement}`,
      1,
      { cause },
    );
  }
  return Date.now() - droppedMs;
}

async function waitUntilGone(
  influxdb: InfluxDb,
  { database, retentionPolicy, name }: InfluxSubscription,
): Promise<void> {
  for (let pause = 0; pause < MAX_PAUSES; pause++) {
    const isThere = (await influxdb.deliveries()).some(
      (each) =>
        each.database === database &&
        each.retentionPolicy === retentionPolicy &&
        each.name === name,
    );
    if (!isThere) return;
    await sleep(PAUSE_MS);
  }
  throw new CommandError('InfluxDB does not let go of the dropped subscription: restart it');
}

async function create(influxdb: InfluxDb, statement: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await influxdb.run(statement);
      return;
    } catch (thrown) {
      if (attempt >= ATTEMPTS) throw thrown;
      await sleep(PAUSE_MS * attempt);
    }
  }
}
