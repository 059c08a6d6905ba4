import { jsonLine } from '../kernel/json-line.ts';

/** What became of a user or a subscription, as the audit log has it: never a password, a hash or a secret. */
export interface AuditedChange {
  readonly event: 'users changed' | 'subscriptions changed';
  readonly action: 'created' | 'updated' | 'deleted' | 'rotated' | 'old secret ended';
  /** Of the user or the subscription. */
  readonly name: string;
  /** Set where the password is another one from now on. */
  readonly password?: 'changed' | undefined;
  readonly type?: 'admin' | 'normal' | undefined;
  readonly permissions?: readonly string[] | undefined;
  readonly databases?: readonly string[] | undefined;
}

/** Who made a change. */
export interface Author {
  /** The user who asked over HTTP, or `cli:NAME`, which no user can be called. */
  readonly user: string;
  /** How they proved it; `cli`: by being that user of the host. */
  readonly auth: string;
  /** The user of the host that a command ran as, where that is another one: sudo. */
  readonly as?: string | undefined;
}

/** A change as a line of the audit log. `time` is ISO 8601. */
export function changeLine(time: string, change: AuditedChange, author: Author): string {
  const { event, action, name, ...details } = change;
  return jsonLine({ time, event, action, name, ...details, ...author });
}
