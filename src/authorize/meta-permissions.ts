import type { Grant, Grants } from '../kernel/grants.ts';
import { PRIVILEGES } from '../kernel/privilege.ts';
import type { Privilege } from '../kernel/privilege.ts';

/** Scope → names of permissions, as a meta node of InfluxDB Enterprise has them. The scope `""` is every database. */
type ScopedNames = ReadonlyMap<string, readonly string[]>;

interface RolePermissions {
  readonly name: string;
  readonly permissions: ScopedNames;
}

export interface MetaGrants {
  readonly grants: Grants;
  /** Names that no release of InfluxDB has, as far as it is known here: they grant nothing. */
  readonly unknown: readonly string[];
}

/** A permission that means something to Kapacitor, and where it comes from. */
interface Held {
  readonly permission: 'KapacitorAPI' | 'KapacitorConfigAPI' | 'WriteData' | 'ReadData';
  readonly scope: string;
  readonly role: string | undefined;
}

const ALL: ReadonlySet<Privilege> = new Set(PRIVILEGES);
const READ: ReadonlySet<Privilege> = new Set(['read']);
const WRITE: ReadonlySet<Privilege> = new Set(['write']);
const NOTHING: ReadonlySet<Privilege> = new Set();

const ROOT = '/api';
const CONFIG_API = '/api/config';
const PING_API = '/api/ping';
const WRITE_API = '/api/write';

/** Permissions for InfluxDB itself: they are known, and grant nothing here. */
const OF_INFLUXDB: ReadonlySet<string> = new Set([
  ...['NoPermissions', 'ViewAdmin', 'ViewChronograf', 'CreateDatabase', 'CreateUserAndRole'],
  ...['AddRemoveNode', 'DropDatabase', 'DropData', 'Rebalance', 'ManageShard'],
  ...['ManageContinuousQuery', 'ManageQuery', 'ManageSubscription', 'Monitor', 'CopyShard'],
]);

/**
 * What the permissions of a user of InfluxDB Enterprise, and of the roles that the user is in, add up to. What several
 * say of one resource adds up; the grant on the longest ancestor of a resource decides alone.
 * Source: kapacitor services/auth/service.go convertPMPermissions, which knows no roles.
 */
export function metaGrantsOf(own: ScopedNames, roles: readonly RolePermissions[]): MetaGrants {
  const unknown = new Set<string>();
  const held = [
    ...readNames(own, undefined, unknown),
    ...roles.flatMap(({ name, permissions }) => readNames(permissions, name, unknown)),
  ];
  const api = new Map<string, Sum>();
  const databases = new Map<string, Sum>();
  for (const each of held) addAll(api, databases, each);
  // KapacitorAPI does not reach the configuration: it is denied unless another permission names it.
  if (!api.has(CONFIG_API)) {
    for (const each of held) {
      if (each.permission === 'KapacitorAPI') add(api, CONFIG_API, NOTHING, each);
    }
  }
  return {
    grants: { api: mapped(api, grantOf), databases: mapped(databases, grantOf) },
    unknown: [...unknown],
  };
}

function readNames(
  scoped: ScopedNames,
  role: string | undefined,
  unknown: Set<string>,
): readonly Held[] {
  const held: Held[] = [];
  for (const [scope, names] of scoped) {
    for (const name of names) {
      const permission = readName(name);
      if (permission !== undefined) held.push({ permission, scope, role });
      else if (!OF_INFLUXDB.has(name)) unknown.add(name);
    }
  }
  return held;
}

function readName(name: string): Held['permission'] | undefined {
  switch (name) {
    case 'KapacitorAPI':
    case 'KapacitorConfigAPI':
    case 'WriteData':
    case 'ReadData':
      return name;
    // Its number, which older meta nodes write (kapacitor services/auth/meta/types.go UnmarshalText).
    case '9':
      return 'WriteData';
    default:
      return undefined;
  }
}

/** Those for Kapacitor's API count everywhere, whichever database they are given on. */
function addAll(api: Map<string, Sum>, databases: Map<string, Sum>, held: Held): void {
  switch (held.permission) {
    case 'KapacitorAPI':
      add(api, ROOT, ALL, held);
      return;
    case 'KapacitorConfigAPI':
      add(api, CONFIG_API, ALL, held);
      add(api, PING_API, ALL, held);
      return;
    case 'WriteData':
      add(api, WRITE_API, WRITE, held);
      add(api, PING_API, ALL, held);
      add(databases, held.scope, WRITE, held);
      return;
    case 'ReadData':
      add(api, PING_API, ALL, held);
      add(databases, held.scope, READ, held);
      return;
  }
}

/** What was added up so far on one resource. */
interface Sum {
  readonly privileges: Set<Privilege>;
  readonly permissions: Set<string>;
}

function add(
  sums: Map<string, Sum>,
  resource: string,
  privileges: ReadonlySet<Privilege>,
  held: Held,
): void {
  const sum = sums.get(resource) ?? { privileges: new Set(), permissions: new Set() };
  for (const each of privileges) sum.privileges.add(each);
  sum.permissions.add(textOf(held));
  sums.set(resource, sum);
}

/** `WriteData on "telegraf" by role writers`. */
function textOf({ permission, scope, role }: Held): string {
  const where = scope === '' ? '' : ` on ${JSON.stringify(scope)}`;
  return `${permission}${where}${role === undefined ? '' : ` by role ${shownName(role)}`}`;
}

/** A name may hold anything, and this is printed on terminals. */
function shownName(name: string): string {
  return /^[-\w.@]+$/.test(name) ? name : JSON.stringify(name);
}

function grantOf({ privileges, permissions }: Sum): Grant {
  return { privileges, permission: [...permissions].join(', ') };
}

function mapped<From, To>(
  map: ReadonlyMap<string, From>,
  change: (from: From) => To,
): ReadonlyMap<string, To> {
  return new Map([...map].map(([key, value]) => [key, change(value)]));
}
