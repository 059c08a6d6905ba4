import { isDeepStrictEqual } from 'node:util';
import { judgeDatabases, judgeSubscriptionName } from '../subscription.ts';
import type { SubscriptionRecord } from '../subscription.ts';
import type { ImportedSubscription, RefusedEntry } from './reading.ts';

type ChangedSubscriptionField = 'databases' | 'secrets';

/** What an import does to one subscription. */
export interface SubscriptionStep {
  readonly at: number;
  readonly kind: 'new' | 'changed' | 'unchanged';
  readonly fields: readonly ChangedSubscriptionField[];
  readonly before: SubscriptionRecord | undefined;
  readonly after: SubscriptionRecord;
}

interface SubscriptionPlan {
  readonly steps: readonly SubscriptionStep[];
  readonly refused: readonly RefusedEntry[];
}

/** What importing subscriptions does to those that are there. A secret stays that of one name. `time` is ISO 8601. */
export function planSubscriptions(
  imported: readonly ImportedSubscription[],
  there: readonly SubscriptionRecord[],
  time: string,
): SubscriptionPlan {
  const steps: SubscriptionStep[] = [];
  const refused: RefusedEntry[] = [];
  const names = new Set<string>();
  const owners = new Map(
    there.flatMap(({ name, secrets }) => secrets.map(({ hash }) => [hash, name])),
  );
  for (const { at, record } of imported) {
    const why = faultOf(record, names, owners);
    names.add(record.name);
    for (const { hash } of record.secrets) if (!owners.has(hash)) owners.set(hash, record.name);
    if (why !== undefined) refused.push({ at, name: record.name, refused: why });
    else
      steps.push(
        stepOf(
          at,
          record,
          there.find(({ name }) => name === record.name),
          time,
        ),
      );
  }
  return { steps, refused };
}

function faultOf(
  { name, databases, secrets }: SubscriptionRecord,
  names: ReadonlySet<string>,
  owners: ReadonlyMap<string, string>,
): string | undefined {
  const fault = judgeSubscriptionName(name) ?? judgeDatabases(databases);
  if (fault !== undefined) return fault;
  if (names.has(name))
    return 'a subscription of this name stands there before, and the first counts';
  return secrets.some(({ hash }) => (owners.get(hash) ?? name) !== name)
    ? 'another subscription has the same secret'
    : undefined;
}

function stepOf(
  at: number,
  record: SubscriptionRecord,
  before: SubscriptionRecord | undefined,
  time: string,
): SubscriptionStep {
  if (before === undefined) return { at, kind: 'new', fields: [], before, after: record };
  const fields: ChangedSubscriptionField[] = [];
  if (!isDeepStrictEqual(new Set(record.databases), new Set(before.databases))) {
    fields.push('databases');
  }
  if (!isDeepStrictEqual(record.secrets, before.secrets)) fields.push('secrets');
  const { databases, secrets } = record;
  return fields.length === 0
    ? { at, kind: 'unchanged', fields, before, after: before }
    : {
        at,
        kind: 'changed',
        fields,
        before,
        after: { ...before, databases, secrets, changed: time },
      };
}
