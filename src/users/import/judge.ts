import { judgePassword } from '../../authenticate/password-rule.ts';
import { readPermission } from '../../authorize/permissions.ts';
import { costOf } from '../../kernel/bcrypt-hash.ts';
import { judgeName } from '../name.ts';
import { isRefused } from './reading.ts';
import type { ImportedUser, ImportEntry, RefusedEntry } from './reading.ts';

export interface Judged {
  readonly users: readonly ImportedUser[];
  readonly refused: readonly RefusedEntry[];
}

/**
 * Who of a source can be a user here. A name counts where it stands first, also where that entry is refused: as Apache
 * and nginx read their files. `maxCost` bounds bcrypt costs, as every failed login costs what the dearest hash does.
 */
export function judgeEntries(entries: readonly ImportEntry[], maxCost: number): Judged {
  const users: ImportedUser[] = [];
  const refused: RefusedEntry[] = [];
  const first = new Map<string, number>();
  for (const entry of entries) {
    const { at, name } = entry;
    const earlier = name === undefined ? undefined : first.get(name);
    if (name !== undefined && earlier === undefined) first.set(name, at);
    if (name !== undefined && earlier !== undefined) {
      refused.push({
        at,
        name,
        refused: `the name stands there before, at ${earlier}, and the first counts`,
      });
    } else if (isRefused(entry)) {
      refused.push(entry);
    } else {
      const why = faultOf(entry, maxCost);
      if (why === undefined) users.push(entry);
      else refused.push({ at, name: entry.name, refused: why });
    }
  }
  return { users, refused };
}

function faultOf(user: ImportedUser, maxCost: number): string | undefined {
  const { name, hash, password, permissions = [] } = user;
  const cost = hash === undefined ? 0 : (costOf(hash) ?? Infinity);
  return (
    judgeName(name) ??
    (password === undefined ? undefined : judgePassword(password.reveal())) ??
    (cost > maxCost
      ? `its hash has bcrypt cost ${cost}, and every failed login would take as long as it: at most ${maxCost} is taken (--max-cost)`
      : undefined) ??
    refusedPermission(permissions)
  );
}

function refusedPermission(permissions: readonly string[]): string | undefined {
  for (const text of permissions) {
    const permission = readPermission(text);
    if ('refused' in permission) return permission.refused;
  }
  return undefined;
}
