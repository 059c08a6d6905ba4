import { describe, expect, test } from '@jest/globals';
import type { InfluxDb } from '../../../src/commands/subscriptions/influxdb.ts';
import { createStatement, dropStatement } from '../../../src/commands/subscriptions/influxql.ts';
import type { InfluxSubscription } from '../../../src/commands/subscriptions/influxql.ts';
import { replaceSubscription } from '../../../src/commands/subscriptions/replace.ts';

const BARE: InfluxSubscription = {
  database: 'telegraf',
  retentionPolicy: 'autogen',
  name: 'kapacitor-1',
  mode: 'ANY',
  destinations: ['http://localhost:9092'],
};
const SECRET = 'http://localhost:9092/sub/SECRET';
const DROP = dropStatement(BARE);
const CREATE = createStatement(BARE, SECRET);

interface Played {
  readonly influxdb: InfluxDb;
  /** The statements that were run. */
  readonly ran: readonly string[];
  /** What its subscriber writes to. */
  readonly writesTo: () => readonly string[];
}

/** An InfluxDB with that one subscription; a Kapacitor may make it anew, `remakes` times, before what is named. */
function play(before: 'looking' | 'creating', remakes: number): Played {
  const ran: string[] = [];
  let [kept, left]: [InfluxSubscription | undefined, number] = [BARE, remakes];
  const remake = (when: typeof before): void => {
    if (kept !== undefined || when !== before || left === 0) return;
    left -= 1;
    kept = BARE;
  };
  const all = (): readonly InfluxSubscription[] => (kept === undefined ? [] : [kept]);
  const influxdb: InfluxDb = {
    subscriptions: () => Promise.resolve(all()),
    deliveries: () => {
      remake('looking');
      const counts = { pointsWritten: 0, writeFailures: 0 };
      return Promise.resolve(all().map((each) => ({ ...each, destination: '', ...counts })));
    },
    run: (statement) => {
      ran.push(statement);
      if (statement === DROP) kept = undefined;
      else {
        remake('creating');
        if (kept !== undefined) return Promise.reject(new Error('subscription already exists'));
        kept = { ...BARE, destinations: [SECRET] };
      }
      return Promise.resolve();
    },
    write: () => Promise.resolve(),
  };
  return { influxdb, ran, writesTo: () => all().flatMap(({ destinations }) => destinations) };
}

describe('replaceSubscription', () => {
  test('drops it and makes it anew', async () => {
    const { influxdb, ran, writesTo } = play('looking', 0);
    expect(await replaceSubscription(influxdb, BARE, SECRET)).toBeGreaterThanOrEqual(0);
    expect(ran).toEqual([DROP, CREATE]);
    expect(writesTo()).toEqual([SECRET]);
  });

  test('one that Kapacitor makes anew before InfluxDB has let go of it is dropped again', async () => {
    const { influxdb, ran, writesTo } = play('looking', 2);
    await replaceSubscription(influxdb, BARE, SECRET);
    expect(ran).toEqual([DROP, DROP, DROP, CREATE]);
    expect(writesTo()).toEqual([SECRET]);
  });

  test('and so is one that it makes anew just before the new one', async () => {
    const { influxdb, ran, writesTo } = play('creating', 2);
    await replaceSubscription(influxdb, BARE, SECRET);
    expect(ran).toEqual([DROP, CREATE, DROP, CREATE, DROP, CREATE]);
    expect(writesTo()).toEqual([SECRET]);
  });

  test('where it does so again and again the statement that is left is told', async () => {
    const { influxdb } = play('creating', 100);
    await expect(replaceSubscription(influxdb, BARE, SECRET)).rejects.toThrow(
      `subscription already exists\nkapgate: THE SUBSCRIPTION IS GONE: until this statement is run nothing is written to Kapacitor:\n  ${CREATE}`,
    );
  });
});
