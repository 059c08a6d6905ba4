import type { Grant, Grants } from '../kernel/grants.ts';
import { joinClean } from '../kernel/path.ts';
import { PRIVILEGES } from '../kernel/privilege.ts';
import type { Privilege } from '../kernel/privilege.ts';

/** A permission as an administrator writes it, taken apart. */
export type Permission =
  | { readonly kind: 'none' }
  | { readonly kind: 'all' }
  /** `subtree` is below /api (`/tasks`), or `""` for all of it. */
  | { readonly kind: 'api'; readonly subtree: string; readonly privileges: ReadonlySet<Privilege> }
  | { readonly kind: 'config_api'; readonly privileges: ReadonlySet<Privilege> }
  /** `database` is `""` for every database. */
  | { readonly kind: 'write_points'; readonly database: string };

/** The value is a sentence that says what is allowed. */
export interface PermissionRefusal {
  readonly refused: string;
}

const ALL: ReadonlySet<Privilege> = new Set(PRIVILEGES);
const NOTHING: ReadonlySet<Privilege> = new Set();

const ROOT = '/api';
const PING = '/api/ping';
const CONFIG = '/api/config';
const WRITE = '/api/write';

/** Below /api, but granted by permissions of their own, or to admins only. */
const NOT_A_SUBTREE = ['config', 'write', 'users', 'storage', 'loglevel', 'sideload'] as const;

/** Elsewhere a colon is a mistyped privilege: /:routes, and topics, whose names Kapacitor makes with colons. */
const MAY_HOLD_COLONS = /^\/(?::[^/:]+|(?:preview\/)?alerts\/topics\/.+)$/;

const FORMS =
  'none, api, api:read, api:/tasks, api:/tasks:read,write, config_api, config_api:read, ' +
  'write_points, write_points:DATABASE or all';

/** Reads one permission, with Kapacitor's names and the gateway's finer forms (docs/users.md). */
export function readPermission(text: string): Permission | PermissionRefusal {
  const colon = text.indexOf(':');
  const name = colon < 0 ? text : text.slice(0, colon);
  const detail = colon < 0 ? undefined : text.slice(colon + 1);
  if (detail === '') return refusal(text, 'something must follow the ":"');
  switch (name) {
    case 'none':
    case 'all':
      return detail === undefined ? { kind: name } : refusal(text, `"${name}" takes no detail`);
    case 'api':
      return readApi(text, detail);
    case 'config_api': {
      const privileges = readPrivileges(detail);
      return privileges === undefined
        ? refusal(text, 'what follows is a comma list of read, write and delete')
        : { kind: 'config_api', privileges };
    }
    case 'write_points':
      return { kind: 'write_points', database: detail ?? '' };
    default:
      return refusal(text, 'it must be one of these forms');
  }
}

/**
 * The grants that a list of permissions adds up to. Their order does not matter. On one resource they add up;
 * the grant on the longest ancestor of a resource decides alone, so a nearer one also narrows.
 * Source: kapacitor services/auth/service.go convertPermissions.
 * @throws where a permission cannot be read: stored ones were checked when they were set.
 */
export function grantsOf(permissions: readonly string[]): Grants {
  const api = new Map<string, Grant>();
  const databases = new Map<string, Grant>();
  let deniesByRoot: string | undefined;
  for (const text of permissions) {
    const permission = readPermission(text);
    if ('refused' in permission) throw new Error(permission.refused);
    for (const [resource, privileges] of resourcesOf(permission)) {
      add(api, resource, privileges, text);
    }
    if (permission.kind === 'write_points') add(databases, permission.database, ALL, text);
    if (permission.kind === 'all') add(databases, '', ALL, text);
    if (permission.kind === 'api' && permission.subtree === '') deniesByRoot ??= text;
  }
  // `api` on the whole tree does not reach these two: they are denied unless another permission names them.
  if (deniesByRoot !== undefined) {
    for (const resource of [WRITE, CONFIG]) {
      if (!api.has(resource)) api.set(resource, { privileges: NOTHING, permission: deniesByRoot });
    }
  }
  return { api, databases };
}

/**
 * Permissions as the users API shows them: Kapacitor's own in its order (all three are `all`, `none` is nothing),
 * then the finer ones. Source: kapacitor services/auth/service.go convertPrivleges.
 */
export function shownPermissions(permissions: readonly string[]): readonly string[] {
  const has = (name: string): boolean => permissions.includes(name) || permissions.includes('all');
  const own = ['api', 'config_api', 'write_points'].filter(has);
  const finer = permissions.filter((each) => each.includes(':'));
  return [...(own.length === 3 ? ['all'] : own), ...new Set(finer)];
}

function resourcesOf(
  permission: Permission,
): readonly (readonly [string, ReadonlySet<Privilege>])[] {
  switch (permission.kind) {
    case 'none':
      return [];
    case 'all':
      return [ROOT, CONFIG, WRITE].map((resource) => [resource, ALL]);
    case 'api':
      return [[ROOT + permission.subtree, permission.privileges]];
    case 'config_api':
      return [CONFIG, PING].map((resource) => [resource, permission.privileges]);
    case 'write_points':
      return [WRITE, PING].map((resource) => [resource, ALL]);
  }
}

function add(
  grants: Map<string, Grant>,
  key: string,
  privileges: ReadonlySet<Privilege>,
  permission: string,
): void {
  const before = grants.get(key);
  grants.set(
    key,
    before === undefined
      ? { privileges, permission }
      : {
          privileges: new Set([...before.privileges, ...privileges]),
          permission: `${before.permission}, ${permission}`,
        },
  );
}

function readApi(text: string, detail: string | undefined): Permission | PermissionRefusal {
  if (detail?.startsWith('/') !== true) {
    const privileges = readPrivileges(detail);
    return privileges === undefined
      ? refusal(
          text,
          'what follows is a path below /api ("/tasks") or a comma list of read, write and delete',
        )
      : { kind: 'api', subtree: '', privileges };
  }
  // A path may hold colons itself (`/:routes`): only a list of privileges behind the last one is taken off.
  const colon = detail.lastIndexOf(':');
  const listed = colon < 0 ? undefined : readPrivileges(detail.slice(colon + 1));
  const subtree = listed === undefined ? detail : detail.slice(0, colon);
  return readSubtree(text, subtree, listed ?? ALL);
}

function readSubtree(
  text: string,
  subtree: string,
  privileges: ReadonlySet<Privilege>,
): Permission | PermissionRefusal {
  if (subtree === '/' || joinClean(subtree) !== subtree || /\p{Cc}/u.test(subtree)) {
    return refusal(
      text,
      'the path must be clean, like "/tasks": no "//", no dots, no slash at its end',
    );
  }
  if (subtree.includes(':') && !MAY_HOLD_COLONS.test(subtree)) {
    return refusal(text, 'what follows the last ":" is a comma list of read, write and delete');
  }
  const first = subtree.split('/')[1];
  const reserved = NOT_A_SUBTREE.find((each) => each === first);
  if (reserved === undefined) return { kind: 'api', subtree, privileges };
  const instead =
    reserved === 'config'
      ? 'grant config_api'
      : reserved === 'write'
        ? 'grant write_points'
        : 'it is for admins only';
  return refusal(text, `/${reserved} cannot be granted as a part of the API: ${instead}`);
}

/** A comma list of privileges; all of them where there is none; undefined where it is not one. */
function readPrivileges(list: string | undefined): ReadonlySet<Privilege> | undefined {
  if (list === undefined) return ALL;
  const privileges = new Set<Privilege>();
  for (const word of list.split(',')) {
    const privilege = PRIVILEGES.find((each) => each === word);
    if (privilege === undefined) return undefined;
    privileges.add(privilege);
  }
  return privileges;
}

function refusal(text: string, why: string): PermissionRefusal {
  return { refused: `unknown permission ${JSON.stringify(text)}: ${why} (${FORMS})` };
}
