import type { MetaPermissions } from '../../meta/documents.ts';
import type { MetaAction } from './meta-state.ts';

/** What a body asks for, or a sentence that says what is wrong with it. */
export type ReadAction = { readonly action: MetaAction<string> } | { readonly refusal: string };

/** A misprint, in a sentence. */
class Misprint extends Error {}

/** Names of permissions, as InfluxDB Enterprise documents them. */
const PERMISSIONS: ReadonlySet<string> = new Set([
  'NoPermissions',
  'ViewAdmin',
  'ViewChronograf',
  'CreateDatabase',
  'CreateUserAndRole',
  'AddRemoveNode',
  'DropDatabase',
  'DropData',
  'ReadData',
  'WriteData',
  'Rebalance',
  'ManageShard',
  'ManageContinuousQuery',
  'ManageQuery',
  'ManageSubscription',
  'Monitor',
  'CopyShard',
  'KapacitorAPI',
  'KapacitorConfigAPI',
]);

/** Reads the body of a POST to /user or /role: `{"action":…,"user":{…}}` or `{"action":…,"role":{…}}`. */
export function readAction(on: 'user' | 'role', body: string): ReadAction {
  try {
    const document = objectOf(parse(body), 'the body');
    const subject = subjectOf(on, document);
    const action = textOf(document['action'], 'action');
    return { action: on === 'user' ? userAction(action, subject) : roleAction(action, subject) };
  } catch (error) {
    if (error instanceof Misprint) return { refusal: error.message };
    throw error;
  }
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    // The parser's own words quote the body, where a password may stand.
    const comma = /,\s*[}\]]/.test(body) ? ': a comma stands before a closing bracket' : '';
    throw new Misprint(`the body is not JSON${comma}`);
  }
}

/** The docs of Kapacitor create a role under the key `user`, and send a role's permissions to /user. */
function subjectOf(on: 'user' | 'role', document: Fields): Fields {
  const other = on === 'user' ? 'role' : 'user';
  if (document[other] !== undefined) {
    throw new Misprint(`"${other}" goes to /${other}: /${on} takes "${on}"`);
  }
  demandOnly(['action', on], document, 'the body');
  return objectOf(document[on], on);
}

function userAction(action: string, user: Fields): MetaAction<string> {
  const name = textOf(user['name'], 'user.name');
  const base = { on: 'user', name } as const;
  switch (action) {
    case 'create':
    case 'change-password':
      demandOnly(['name', 'password'], user, `user, to ${action},`);
      return { ...base, action, password: textOf(user['password'], 'user.password') };
    case 'delete':
      demandOnly(['name'], user, 'user, to delete,');
      return { ...base, action };
    case 'add-permissions':
    case 'remove-permissions':
      demandOnly(['name', 'permissions'], user, `user, to ${action},`);
      return { ...base, action, permissions: permissionsOf(user['permissions']) };
    default:
      throw unknownAction(action, 'user', 'change-password');
  }
}

function roleAction(action: string, role: Fields): MetaAction<string> {
  const name = textOf(role['name'], 'role.name');
  const base = { on: 'role', name } as const;
  switch (action) {
    case 'create':
    case 'delete':
      demandOnly(['name'], role, `role, to ${action},`);
      return { ...base, action };
    case 'add-users':
    case 'remove-users':
      demandOnly(['name', 'users'], role, `role, to ${action},`);
      return { ...base, action, users: textsOf(role['users'], 'role.users') };
    case 'add-permissions':
    case 'remove-permissions':
      demandOnly(['name', 'permissions'], role, `role, to ${action},`);
      return { ...base, action, permissions: permissionsOf(role['permissions']) };
    default:
      throw unknownAction(action, 'role', 'add-users, remove-users');
  }
}

function unknownAction(action: string, on: string, own: string): Misprint {
  return new Misprint(
    `unknown action "${action}": a ${on} takes create, delete, add-permissions, remove-permissions, ${own}`,
  );
}

function permissionsOf(value: unknown): MetaPermissions {
  const scopes = Object.entries(objectOf(value, 'permissions'));
  return new Map(
    scopes.map(([scope, names]) => {
      const list = textsOf(names, `permissions of "${scope}"`);
      const unknown = list.find((name) => !PERMISSIONS.has(name));
      if (unknown !== undefined) throw new Misprint(`unknown permission "${unknown}"`);
      return [scope, list];
    }),
  );
}

type Fields = Readonly<Record<string, unknown>>;

function objectOf(value: unknown, what: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new Misprint(`${what} must be an object`);
}

function demandOnly(known: readonly string[], fields: Fields, what: string): void {
  const unknown = Object.keys(fields).find((key) => !known.includes(key));
  if (unknown === undefined) return;
  throw new Misprint(`${what} takes ${known.join(', ')}, and no "${unknown}"`);
}

function textOf(value: unknown, what: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw new Misprint(`${what} must be a text that is not empty`);
}

function textsOf(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value)) throw new Misprint(`${what} must be a list`);
  return value.map((each: unknown) => textOf(each, `each of ${what}`));
}
