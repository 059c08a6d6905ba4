import { createMetaCluster } from '../../src/commands/try/meta-cluster.ts';
import type { MetaCluster } from '../../src/commands/try/meta-cluster.ts';
import type { MetaHashing } from '../../src/commands/try/meta-password.ts';
import type { MetaRole } from '../../src/meta/documents.ts';
import type { MetaAccount } from '../../src/commands/try/meta-state.ts';

/** Scope → names of permissions. */
type Permissions = Readonly<Record<string, readonly string[]>>;

export interface ClusterUser {
  readonly name: string;
  /** By default `pw-NAME`. */
  readonly password?: string;
  readonly permissions?: Permissions;
  /** By default bcrypt, at the least cost. */
  readonly hashing?: MetaHashing;
}

export interface ClusterRole {
  readonly name: string;
  readonly permissions?: Permissions;
  readonly users?: readonly string[];
}

/** A cluster of meta nodes that knows these, whatever their permissions are called. */
export async function createCluster(
  users: readonly ClusterUser[],
  roles: readonly ClusterRole[] = [],
): Promise<MetaCluster> {
  const cluster = createMetaCluster({ cost: 4 });
  const accounts = await Promise.all(
    users.map(async ({ name, password, permissions = {}, hashing }): Promise<MetaAccount> => {
      const kept = await cluster.passwords.keep(password ?? `pw-${name}`, hashing);
      return { name, permissions: new Map(Object.entries(permissions)), ...kept };
    }),
  );
  const kept = roles.map(({ name, permissions = {}, users: members = [] }): MetaRole => ({
    name,
    permissions: new Map(Object.entries(permissions)),
    users: members,
  }));
  cluster.put({
    users: new Map(accounts.map((user) => [user.name, user])),
    roles: new Map(kept.map((role) => [role.name, role])),
  });
  return cluster;
}
