import type { MetaPermissions, MetaRole, MetaUser } from '../../meta/documents.ts';

/** What is kept of a password: a hash, or none where another keeps it (LDAP), who alone can say whether it is right. */
export interface KeptPassword {
  readonly hash: string;
  readonly elsewhere?: string;
}

/** A user of the stand-in. */
export interface MetaAccount extends MetaUser, KeptPassword {}

/** What a cluster of meta nodes knows. */
export interface MetaState {
  readonly users: ReadonlyMap<string, MetaAccount>;
  readonly roles: ReadonlyMap<string, MetaRole>;
}

/** What an administrator asks of it; `Password` is what the action carries of one. */
export type MetaAction<Password> = UserAction<Password> | RoleAction;

type UserAction<Password> = { readonly on: 'user'; readonly name: string } & (
  | { readonly action: 'create' | 'change-password'; readonly password: Password }
  | { readonly action: 'delete' }
  | Granting
);

type RoleAction = { readonly on: 'role'; readonly name: string } & (
  | { readonly action: 'create' | 'delete' }
  | { readonly action: 'add-users' | 'remove-users'; readonly users: readonly string[] }
  | Granting
);

interface Granting {
  readonly action: 'add-permissions' | 'remove-permissions';
  readonly permissions: MetaPermissions;
}

/** What came of it: the next state, or a sentence that says why not. */
export type Changed = { readonly state: MetaState } | { readonly refusal: string };

export const NOTHING_KNOWN: MetaState = { users: new Map(), roles: new Map() };

/** Does what an administrator asks. The state that is given stays as it is. */
export function change(state: MetaState, action: MetaAction<KeptPassword>): Changed {
  return action.on === 'user' ? changeUser(state, action) : changeRole(state, action);
}

function changeUser(state: MetaState, action: UserAction<KeptPassword>): Changed {
  const { name } = action;
  const user = state.users.get(name);
  if (action.action === 'create') {
    if (user !== undefined) return { refusal: `user already exists: "${name}"` };
    return { state: withUser(state, { name, permissions: new Map(), ...action.password }) };
  }
  if (user === undefined) return { refusal: `user not found: "${name}"` };
  switch (action.action) {
    case 'change-password': {
      const { permissions } = user;
      return { state: withUser(state, { name, permissions, ...action.password }) };
    }
    case 'delete':
      return { state: withoutUser(state, name) };
    case 'add-permissions':
    case 'remove-permissions':
      return {
        state: withUser(state, { ...user, permissions: granted(user.permissions, action) }),
      };
  }
}

function changeRole(state: MetaState, action: RoleAction): Changed {
  const { name } = action;
  const role = state.roles.get(name);
  if (action.action === 'create') {
    if (role !== undefined) return { refusal: `role already exists: "${name}"` };
    return { state: withRole(state, { name, permissions: new Map(), users: [] }) };
  }
  if (role === undefined) return { refusal: `role not found: "${name}"` };
  switch (action.action) {
    case 'delete': {
      const roles = new Map(state.roles);
      roles.delete(name);
      return { state: { ...state, roles } };
    }
    case 'add-users': {
      const unknown = action.users.find((user) => !state.users.has(user));
      if (unknown !== undefined) return { refusal: `user not found: "${unknown}"` };
      const users = [...new Set([...role.users, ...action.users])];
      return { state: withRole(state, { ...role, users }) };
    }
    case 'remove-users':
      return { state: withRole(state, withoutMembers(role, action.users)) };
    case 'add-permissions':
    case 'remove-permissions':
      return {
        state: withRole(state, { ...role, permissions: granted(role.permissions, action) }),
      };
  }
}

function withUser(state: MetaState, user: MetaAccount): MetaState {
  return { ...state, users: new Map(state.users).set(user.name, user) };
}

function withoutUser({ users, roles }: MetaState, name: string): MetaState {
  const left = new Map(users);
  left.delete(name);
  const emptied = [...roles].map(([key, role]) => [key, withoutMembers(role, [name])] as const);
  return { users: left, roles: new Map(emptied) };
}

function withRole(state: MetaState, role: MetaRole): MetaState {
  return { ...state, roles: new Map(state.roles).set(role.name, role) };
}

function withoutMembers(role: MetaRole, names: readonly string[]): MetaRole {
  return { ...role, users: role.users.filter((user) => !names.includes(user)) };
}

/** Permissions with those of an action added or removed; a scope that holds none is gone. */
function granted(before: MetaPermissions, { action, permissions }: Granting): MetaPermissions {
  const after = new Map(before);
  for (const [scope, names] of permissions) {
    const had = after.get(scope) ?? [];
    const has =
      action === 'add-permissions'
        ? [...new Set([...had, ...names])]
        : had.filter((name) => !names.includes(name));
    if (has.length === 0) after.delete(scope);
    else after.set(scope, has);
  }
  return after;
}
