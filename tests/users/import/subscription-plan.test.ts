import { describe, expect, test } from '@jest/globals';
import { planSubscriptions } from '../../../src/users/import/subscription-plan.ts';
import type { SubscriptionRecord } from '../../../src/users/subscription.ts';

const OLD = '2025-01-01T00:00:00.000Z';
const NOW = '2026-01-01T00:00:00.000Z';
const secret = (digit: string) => ({ hash: digit.repeat(64), created: OLD });
const influx = (change: Partial<SubscriptionRecord> = {}): SubscriptionRecord => ({
  name: 'influx',
  databases: ['a', 'b'],
  secrets: [secret('1')],
  created: OLD,
  changed: OLD,
  ...change,
});

function plan(
  there: readonly SubscriptionRecord[],
  ...records: readonly SubscriptionRecord[]
): ReturnType<typeof planSubscriptions> {
  return planSubscriptions(
    records.map((record, index) => ({ at: index + 2, record })),
    there,
    NOW,
  );
}

describe('planSubscriptions', () => {
  test('one that is not there is put as it is', () => {
    expect(plan([], influx()).steps).toEqual([
      { at: 2, kind: 'new', fields: [], before: undefined, after: influx() },
    ]);
  });

  test.each<readonly [string, Partial<SubscriptionRecord>, readonly string[]]>([
    ['nothing', {}, []],
    ['the order of databases', { databases: ['b', 'a'] }, []],
    ['dates', { created: NOW, changed: NOW }, []],
    ['databases', { databases: [] }, ['databases']],
    ['secrets', { secrets: [secret('2')] }, ['secrets']],
    ['when a secret ends', { secrets: [{ ...secret('1'), ends: NOW }] }, ['secrets']],
    ['all', { databases: ['c'], secrets: [secret('2'), secret('1')] }, ['databases', 'secrets']],
  ])('of one that is there, %s changes', (_, change, fields) => {
    const [step] = plan([influx()], influx(change)).steps;
    expect(step?.fields).toEqual(fields);
    const { databases, secrets } = influx(change);
    expect(step?.after).toEqual(
      fields.length === 0 ? influx() : influx({ databases, secrets, changed: NOW }),
    );
  });

  test('a secret stays that of one subscription', () => {
    const { steps, refused } = plan(
      [influx()],
      influx({ name: 'thief' }),
      influx({ name: 'one', secrets: [secret('3')] }),
      influx({ name: 'two', secrets: [secret('4'), secret('3')] }),
    );
    expect(steps.map(({ after }) => after.name)).toEqual(['one']);
    expect(refused.map(({ at, refused: why }) => [at, why])).toEqual([
      [2, 'another subscription has the same secret'],
      [4, 'another subscription has the same secret'],
    ]);
  });

  test('names, databases and repetitions are judged', () => {
    const { steps, refused } = plan(
      [],
      influx({ name: 'a b' }),
      influx({ databases: ['\n'] }),
      influx(),
      influx({ name: 'x', secrets: [secret('5')] }),
      influx({ name: 'x', secrets: [secret('6')] }),
    );
    expect(refused.map(({ at }) => at)).toEqual([2, 3, 4, 6]);
    expect(steps.map(({ at }) => at)).toEqual([5]);
  });
});
