import type { StoredSecret } from '../../users/subscription.ts';
import type { SubscriptionStore } from '../../users/subscriptions.ts';
import { CommandError } from '../terminal.ts';

/** Uses are written up to a minute late, and a database may be quiet for a while. */
const QUIET_MS = 5 * 60_000;

/**
 * Ends the older of two secrets, unless something still writes with it, or nothing does with the new one.
 * @throws CommandError
 */
export async function endOld(
  subscriptions: SubscriptionStore,
  name: string,
  isForced: boolean,
): Promise<void> {
  const record = subscriptions.get(name);
  if (record === undefined) throw unknownSubscription(name);
  const [newest, old] = record.secrets;
  const objection = isForced ? undefined : objectionTo(subscriptions, newest, old);
  if (objection !== undefined) {
    throw new CommandError(
      `${objection}: points would be lost. Look at SHOW SUBSCRIPTIONS in InfluxDB; --force ends the old secret all the same`,
    );
  }
  const result = await subscriptions.endOld(name);
  if (result === 'unknown') throw unknownSubscription(name);
  if (result === 'one-only') throw new CommandError(`${name} has one secret only: nothing to end`);
}

function objectionTo(
  subscriptions: SubscriptionStore,
  newest: StoredSecret | undefined,
  old: StoredSecret | undefined,
): string | undefined {
  if (newest === undefined || old === undefined) return undefined;
  const oldMs = subscriptions.lastUsed(old.hash);
  if (oldMs !== undefined && Date.now() - oldMs < QUIET_MS) {
    return `the old secret was used at ${timeOf(oldMs)}, less than 5 minutes ago`;
  }
  return subscriptions.lastUsed(newest.hash) === undefined
    ? 'the new secret was never used'
    : undefined;
}

export function unknownSubscription(name: string): CommandError {
  return new CommandError(
    `there is no subscription "${name}": kapgate subscriptions list shows all`,
  );
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
