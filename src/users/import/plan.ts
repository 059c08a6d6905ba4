import { shownPermissions } from '../../authorize/permissions.ts';
import type { Secret } from '../../kernel/secret.ts';
import type { UserRecord } from '../record.ts';
import type { ImportedUser } from './reading.ts';

export type ChangedField = 'password' | 'type' | 'permissions';

/** What an import does to one user. */
export type ImportStep =
  | { readonly kind: 'new'; readonly user: ImportedUser }
  | {
      readonly kind: 'changed';
      readonly user: ImportedUser;
      readonly before: UserRecord;
      readonly fields: readonly ChangedField[];
    }
  | { readonly kind: 'unchanged'; readonly user: ImportedUser; readonly before: UserRecord };

export interface PlanParts {
  readonly find: (name: string) => UserRecord | undefined;
  /** Whether the password in clear is the one of the hash. */
  readonly matches: (password: Secret, hash: string) => Promise<boolean>;
}

/** What importing one user does. What the source does not say of somebody who is there already stays. */
export async function stepOf(user: ImportedUser, parts: PlanParts): Promise<ImportStep> {
  const before = parts.find(user.name);
  if (before === undefined) return { kind: 'new', user };
  const fields: ChangedField[] = [];
  if (await changesPassword(user, before, parts)) fields.push('password');
  if (user.admin !== undefined && user.admin !== before.admin) fields.push('type');
  if (!grantsTheSame(permissionsOf(user, before), before.permissions)) fields.push('permissions');
  return fields.length === 0
    ? { kind: 'unchanged', user, before }
    : { kind: 'changed', user, before, fields };
}

/** The record that a step leaves. `hash` is undefined where the password stays; `time` is ISO 8601. */
export function recordAfter(
  step: Exclude<ImportStep, { kind: 'unchanged' }>,
  hash: string | undefined,
  time: string,
): UserRecord {
  const { user } = step;
  const { name, admin = false, permissions = [] } = user;
  if (step.kind === 'new') {
    if (hash === undefined) throw new Error('BUG: a new user without a password');
    const [created, changed] = [user.created ?? time, user.changed ?? time];
    return { name, admin, hash, permissions: [...new Set(permissions)], created, changed };
  }
  const { before, fields } = step;
  return {
    ...before,
    admin: user.admin ?? before.admin,
    hash: hash ?? before.hash,
    permissions: fields.includes('permissions')
      ? [...new Set(permissionsOf(user, before))]
      : before.permissions,
    changed: time,
  };
}

/** How many admins more there are after the steps; negative: fewer. */
export function adminsGained(steps: readonly ImportStep[]): number {
  const gained = (step: ImportStep): number => {
    if (step.kind === 'new') return step.user.admin === true ? 1 : 0;
    return Number(step.user.admin ?? step.before.admin) - Number(step.before.admin);
  };
  return steps.reduce((sum, step) => sum + gained(step), 0);
}

async function changesPassword(
  { hash, password }: ImportedUser,
  before: UserRecord,
  { matches }: PlanParts,
): Promise<boolean> {
  if (hash !== undefined) return hash !== before.hash;
  return password !== undefined && !(await matches(password, before.hash));
}

/** To somebody who stays an admin, permissions that were given for all of a file say nothing. */
function permissionsOf(user: ImportedUser, before: UserRecord): readonly string[] {
  if (user.permissions === undefined) return before.permissions;
  return user.admin === undefined && before.admin ? before.permissions : user.permissions;
}

function grantsTheSame(one: readonly string[], other: readonly string[]): boolean {
  const shown = (permissions: readonly string[]): string =>
    JSON.stringify([...shownPermissions(permissions)].sort());
  return shown(one) === shown(other);
}
