import type { Rights } from '../authenticate/directory.ts';
import { metaGrantsOf } from '../authorize/meta-permissions.ts';
import { adminEntryFor } from './admins.ts';
import type { MetaRole, MetaUser } from './documents.ts';

export interface MetaRights extends Rights {
  /** Permissions that are not known here, and grant nothing. */
  readonly unknown: readonly string[];
}

/**
 * What a meta node's user may do: by permissions of their own, by those of their roles, and by `meta-admins`.
 * @param roles those that the user is in
 */
export function rightsOf(
  user: MetaUser,
  roles: readonly MetaRole[],
  metaAdmins: readonly string[],
): MetaRights {
  const roleNames = roles.map(({ name }) => name);
  return {
    admin: adminEntryFor(user.name, roleNames, metaAdmins) !== undefined,
    ...metaGrantsOf(user.permissions, roles),
  };
}
