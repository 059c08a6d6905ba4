import type { SubscriptionRecord } from '../../users/subscription.ts';
import type { SubscriptionStore } from '../../users/subscriptions.ts';
import type { Context } from '../context.ts';
import { withWholeStore } from '../local-store.ts';
import { table } from '../table.ts';
import { EXIT } from '../terminal.ts';

/** Each subscription with its secrets: since when, last used when, until when; a line a secret. */
export function listSubscriptions(
  context: Context,
  { json }: { readonly json?: boolean | undefined },
): Promise<number> {
  return withWholeStore(context, ({ subscriptions }) => {
    const { out } = context.terminal;
    const all = subscriptions.list().map((record) => shown(subscriptions, record));
    if (json === true) for (const each of all) out(`${JSON.stringify(each)}\n`);
    else out(table(HEAD, all.flatMap(rowsOf)));
    return EXIT.ok;
  });
}

interface ShownSecret {
  readonly secret: 'current' | 'old' | 'ended';
  readonly created: string;
  readonly lastUsed: string | null;
  readonly ends: string | null;
}

interface Shown extends Pick<SubscriptionRecord, 'name' | 'databases' | 'created' | 'changed'> {
  readonly secrets: readonly ShownSecret[];
}

const HEAD = ['NAME', 'DATABASES', 'SECRET', 'CREATED', 'LAST USED', 'ENDS'];

function shown(subscriptions: SubscriptionStore, record: SubscriptionRecord): Shown {
  const { name, databases, created, changed } = record;
  const secrets = record.secrets.map((secret, index): ShownSecret => {
    const usedMs = subscriptions.lastUsed(secret.hash);
    const isOver = secret.ends !== undefined && Date.parse(secret.ends) <= Date.now();
    return {
      secret: isOver ? 'ended' : index === 0 ? 'current' : 'old',
      created: secret.created,
      lastUsed: usedMs === undefined ? null : timeOf(usedMs),
      ends: secret.ends ?? null,
    };
  });
  return { name, databases, secrets, created, changed };
}

function rowsOf({ name, databases, secrets }: Shown): string[][] {
  return secrets.map(({ secret, created, lastUsed, ends }, index) => [
    name,
    databases.length === 0 ? 'all' : databases.join(' '),
    secret,
    created,
    lastUsed ?? 'never',
    ends ?? (index === 0 ? '-' : 'when confirmed'),
  ]);
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
