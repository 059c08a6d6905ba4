import type { UserRecord } from './record.ts';

export interface NewUser {
  /** Judged by `judgeName`. */
  readonly name: string;
  readonly admin: boolean;
  /** As `readHash` gives it. */
  readonly hash: string;
  /** Judged by `readPermission`, each. */
  readonly permissions: readonly string[];
}

/** What is absent stays as it is. */
export interface UserChange {
  readonly admin?: boolean | undefined;
  readonly hash?: string | undefined;
  readonly permissions?: readonly string[] | undefined;
}

/** The record of a new user. `time` is ISO 8601. */
export function newRecord(user: NewUser, time: string): UserRecord {
  const { name, admin, hash } = user;
  return {
    name,
    admin,
    hash,
    permissions: unique(user.permissions),
    created: time,
    changed: time,
  };
}

/**
 * The record after a change. Whoever is made an admin loses their permissions, those given in the same change too;
 * an admin may be given some that count once they are none any more.
 * Source: kapacitor services/auth/service.go updateUser.
 */
export function changedRecord(before: UserRecord, change: UserChange, time: string): UserRecord {
  const permissions = change.admin === true ? [] : (change.permissions ?? before.permissions);
  return {
    ...before,
    admin: change.admin ?? before.admin,
    hash: change.hash ?? before.hash,
    permissions: unique(permissions),
    changed: time,
  };
}

function unique(permissions: readonly string[]): readonly string[] {
  return [...new Set(permissions)];
}
