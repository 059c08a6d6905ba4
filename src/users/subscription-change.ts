import type { StoredSecret, SubscriptionRecord } from './subscription.ts';

/** The record of a new subscription. `time` is ISO 8601. */
export function newSubscription(
  name: string,
  databases: readonly string[],
  hash: string,
  time: string,
): SubscriptionRecord {
  return {
    name,
    databases: [...new Set(databases)],
    secrets: [{ hash, created: time }],
    created: time,
    changed: time,
  };
}

/**
 * The record with a new secret beside the one in use, which ends at `ends`, or not before it is taken away.
 * Undefined where an old one still stands beside it: whoever uses that would be cut off unasked.
 */
export function rotated(
  before: SubscriptionRecord,
  hash: string,
  ends: string | undefined,
  time: string,
): SubscriptionRecord | undefined {
  const [current, ...others] = standing(before, time);
  if (others.length > 0) return undefined;
  const kept = current === undefined ? [] : [{ ...current, ends }];
  return { ...before, secrets: [{ hash, created: time }, ...kept], changed: time };
}

/** The record with its newest secret only; undefined where there is no other. */
export function confirmed(
  before: SubscriptionRecord,
  time: string,
): SubscriptionRecord | undefined {
  const [newest, ...others] = before.secrets;
  if (newest === undefined || others.length === 0) return undefined;
  return { ...before, secrets: [newest], changed: time };
}

/** The secrets that are good at a time, the newest first. */
function standing(record: SubscriptionRecord, time: string): readonly StoredSecret[] {
  return record.secrets.filter(({ ends }) => ends === undefined || ends > time);
}
