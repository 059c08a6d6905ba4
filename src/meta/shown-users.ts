import { GatewayError } from '../kernel/errors.ts';
import { adminEntryFor } from './admins.ts';
import type { MetaClient } from './client.ts';
import type { MetaPermissions, MetaUser } from './documents.ts';
import { MetaFault } from './fault.ts';
import { byMember, isRefusal } from './roles.ts';
import type { RoleTable } from './roles.ts';

/** A meta node's user in the words of Kapacitor's users API. */
interface ShownUser {
  readonly name: string;
  readonly admin: boolean;
  readonly permissions: readonly string[];
}

/** The meta nodes' users as the users API shows them. Both reject with a GatewayError where no node can say. */
export interface ShownUsers {
  list(): Promise<readonly ShownUser[]>;
  get(name: string): Promise<ShownUser | undefined>;
}

export interface ShownUsersParts {
  readonly client: Pick<MetaClient, 'user' | 'users' | 'roles'>;
  /** `[auth] meta-admins`. */
  readonly metaAdmins: readonly string[];
}

/** Asks the meta nodes each time: what is looked at by an admin should be what is there. */
export function createShownUsers({ client, metaAdmins }: ShownUsersParts): ShownUsers {
  return {
    list: () =>
      available(async () => {
        const [users, roles] = await Promise.all([client.users(), rolesWhereAllowed(client)]);
        return users.map((user) => shown(user, roles, metaAdmins));
      }),
    get: (name) =>
      available(async () => {
        const [user, roles] = await Promise.all([client.user(name), rolesWhereAllowed(client)]);
        return user === undefined ? undefined : shown(user, roles, metaAdmins);
      }),
  };
}

/**
 * Permissions in Kapacitor's own names, as far as they mean something to it; the others are left out.
 * Of Kapacitor's two the scope is of no account, as there (services/auth/service.go convertPMPermissions).
 */
export function shownPermissionsOf(permissions: readonly MetaPermissions[]): readonly string[] {
  const shown = new Set<string>();
  for (const [scope, names] of permissions.flatMap((each) => [...each])) {
    if (names.includes('KapacitorAPI')) shown.add('api');
    if (names.includes('KapacitorConfigAPI')) shown.add('config_api');
    // The number of WriteData, which Kapacitor takes too.
    if (names.includes('WriteData') || names.includes('9')) {
      shown.add(scope === '' ? 'write_points' : `write_points:${scope}`);
    }
  }
  return [...shown].sort();
}

function shown(
  { name, permissions }: MetaUser,
  roles: RoleTable,
  metaAdmins: readonly string[],
): ShownUser {
  const own = roles.get(name) ?? [];
  const roleNames = own.map((role) => role.name);
  return {
    name,
    admin: adminEntryFor(name, roleNames, metaAdmins) !== undefined,
    permissions: shownPermissionsOf([permissions, ...own.map((role) => role.permissions)]),
  };
}

/** Roles that the gateway's own user may not read count for nothing, as where users are authenticated. */
async function rolesWhereAllowed(client: ShownUsersParts['client']): Promise<RoleTable> {
  try {
    return byMember(await client.roles());
  } catch (thrown) {
    if (!isRefusal(thrown)) throw thrown;
    return byMember([]);
  }
}

async function available<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (!(thrown instanceof MetaFault)) throw thrown;
    throw new GatewayError('directory-unavailable', { cause: thrown });
  }
}
