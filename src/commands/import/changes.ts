import type { AuditedChange } from '../../observe/audit-change.ts';
import type { Batch } from '../../users/batch.ts';

/** What an import has changed, for the audit log. */
export function* changesOf({ users, subscriptions }: Batch): Iterable<AuditedChange> {
  for (const { before, after } of users) {
    const { name, admin, permissions } = after;
    const hasNewPassword = before !== undefined && before.hash !== after.hash;
    yield {
      event: 'users changed',
      action: before === undefined ? 'created' : 'updated',
      name,
      ...(hasNewPassword ? { password: 'changed' } : {}),
      type: admin ? 'admin' : 'normal',
      permissions,
    };
  }
  for (const { before, after } of subscriptions) {
    const { name, databases } = after;
    const action = before === undefined ? 'created' : 'updated';
    yield { event: 'subscriptions changed', action, name, databases };
  }
}
