import type { Identity } from '../kernel/identity.ts';
import type { Secret } from '../kernel/secret.ts';
import type { SubscriptionRecord } from './subscription.ts';

/**
 * The subscriptions of this gateway, kept beside its users: every read sees what was last written, by any process;
 * every write is on the disk once its promise resolves. All of it throws, or rejects with, `UserStoreError` where the
 * store cannot be read or written.
 */
export interface SubscriptionStore {
  /** Whose secret it is, and that it was used just now. A record that cannot be read is never "nobody's". */
  find(secret: Secret): Identity | undefined;
  get(name: string): SubscriptionRecord | undefined;
  /** Every one, in the order of their names' bytes. */
  list(): readonly SubscriptionRecord[];
  /** When the secret of a hash was last used: milliseconds since 1970, up to a minute late. */
  lastUsed(hash: string): number | undefined;
  /** Judged before by `judgeSubscriptionName` and `judgeDatabases`. The secret can be had here and never again. */
  add(name: string, databases: readonly string[]): Promise<Secret | 'exists' | 'too-many'>;
  /** A second secret beside the first, which goes on for so long; undefined: until `endOld`. */
  rotate(name: string, keepMs: number | undefined): Promise<Secret | 'unknown' | 'two-already'>;
  /** Ends the older of two secrets. */
  endOld(name: string): Promise<SubscriptionRecord | 'unknown' | 'one-only'>;
  /** One whose record cannot be read too. */
  revoke(name: string): Promise<'revoked' | 'unknown'>;
}

/** Their secrets are all kept in memory. */
export const MAX_SUBSCRIPTIONS = 1000;
