import { needOf } from '../../authorize/requirements.ts';
import type { Requirement } from '../../authorize/requirements.ts';
import { judgeBy, smallestPermissions } from '../../authorize/smallest.ts';
import { judgeName } from '../../users/name.ts';
import type { Client, Need } from './clients.ts';

/** A user or subscription under which some of those who came may do all that they did. */
export interface Proposal {
  readonly kind: 'user' | 'subscription';
  readonly name: string;
  /** Somebody proved to be that user. */
  readonly isThere: boolean;
  readonly admin: boolean;
  /** The smallest that do; of an admin those without what only admins may. */
  readonly permissions: readonly string[];
  /** Of them, or "admin", what was noticed to be missing: what such a user has not yet. */
  readonly lacking: readonly string[];
  /** Of a subscription. */
  readonly databases: readonly string[];
  /** What makes it an admin. */
  readonly forAdmins: readonly string[];
  /** What no permission grants, to nobody's harm. */
  readonly notCovered: readonly string[];
  readonly clients: readonly Client[];
}

/** The users and subscriptions that the log asks for, in the order of their names. */
export function proposalsFor(clients: readonly Client[]): readonly Proposal[] {
  const asking = clients.filter(({ uses }) =>
    [...uses.values()].some(({ leftOut }) => leftOut === ''),
  );
  const named = groupBy(asking.filter(isNamed), ({ name }) => name);
  const proposals = [...named].map(([name, group]) => proposalFor(name, believed(group)));
  const taken = new Set(named.keys());
  const nameless = asking.filter((each) => !isNamed(each));
  const alike = [...groupBy(nameless, likenessOf).values()].sort((a, b) => total(b) - total(a));
  for (const group of alike) {
    const name = freeName(group[0] === undefined ? '' : programOf(group[0]), taken);
    taken.add(name);
    proposals.push(proposalFor(name, group));
  }
  return proposals.sort((a, b) => (a.name < b.name ? -1 : Number(a.name > b.name)));
}

/** Where somebody proved a name, whoever only claims it could be anyone: what they did gives that user no rights. */
function believed(group: readonly Client[]): readonly Client[] {
  const proven = group.filter(({ isProven }) => isProven);
  return proven.length > 0 ? proven : group;
}

/** Under a name that a user can have. */
function isNamed({ name }: Client): boolean {
  return name !== '' && judgeName(name) === undefined;
}

function proposalFor(name: string, clients: readonly Client[]): Proposal {
  const needs = new Map(clients.flatMap((client) => [...client.needs]));
  for (const client of clients) {
    for (const [key, { isDenied }] of client.needs) {
      const need = needs.get(key);
      if (isDenied && need !== undefined) needs.set(key, { ...need, isDenied });
    }
  }
  const all = [...needs.values()];
  const { permissions, beyond } = smallestPermissions(all.map(({ requirement }) => requirement));
  const forAdmins = beyond.filter(({ kind }) => kind === 'admin').map(needOf);
  const databases = all.flatMap(({ requirement }) =>
    requirement.kind === 'database' ? [requirement.database] : [],
  );
  return {
    kind: isSubscription(clients, permissions, databases) ? 'subscription' : 'user',
    name,
    isThere: clients.some(({ isProven }) => isProven),
    admin: forAdmins.length > 0,
    permissions,
    lacking: lackingOf(permissions, beyond, all),
    databases: databases.sort(),
    forAdmins,
    notCovered: beyond.filter(({ kind }) => kind !== 'admin').map(needOf),
    clients,
  };
}

/** Those that would have allowed what the rights of then denied. Writing takes a database of its own. */
function lackingOf(
  permissions: readonly string[],
  beyond: readonly Requirement[],
  needs: readonly Need[],
): readonly string[] {
  const denied = needs.filter(({ isDenied }) => isDenied).map(({ requirement }) => requirement);
  if (denied.some((each) => each.kind === 'admin' && beyond.includes(each))) return ['admin'];
  const parts = denied.filter(({ kind }) => kind === 'endpoint');
  const databases = new Set(
    denied.flatMap((each) => (each.kind === 'database' ? `write_points:${each.database}` : [])),
  );
  return permissions.filter((permission) => {
    if (permission.startsWith('write_points:')) return databases.has(permission);
    return parts.some(judgeBy([permission]));
  });
}

/** InfluxDB pushes what is written to it, and does nothing else. Without a database it would be one for all of them. */
function isSubscription(
  clients: readonly Client[],
  permissions: readonly string[],
  databases: readonly string[],
): boolean {
  return (
    databases.length > 0 &&
    clients.every((client) => !isNamed(client) && programOf(client) === INFLUXDB) &&
    permissions.every((each) => each.startsWith('write_points:') || each === 'api:/ping:read')
  );
}

const SUBSCRIBER = '~subscriber';
const INFLUXDB = 'influxdb';

/** Who gave no name is one user with all who ran the same program and need the same. */
function likenessOf(client: Client): string {
  const requirements = [...client.needs.values()].map(({ requirement }) => requirement);
  const { permissions, beyond } = smallestPermissions(requirements);
  return JSON.stringify([programOf(client), permissions, beyond.length > 0]);
}

/** Programs whose User-Agent does not name them. */
const PROGRAMS: Readonly<Record<string, string>> = {
  influxdbclient: INFLUXDB,
  kapacitorclient: 'kapacitor-cli',
  mozilla: 'browser',
  'go-http-client': 'go-program',
};

function programOf({ name, userAgent }: Client): string {
  if (name === SUBSCRIBER) return INFLUXDB;
  const [word = ''] = /^[A-Za-z0-9][-._A-Za-z0-9]*/.exec(userAgent) ?? [];
  const program = word.toLowerCase().slice(0, 64);
  const usual = Object.hasOwn(PROGRAMS, program) ? PROGRAMS[program] : undefined;
  return usual ?? (program || 'client');
}

function freeName(wish: string, taken: ReadonlySet<string>): string {
  if (!taken.has(wish)) return wish;
  let number = 2;
  while (taken.has(`${wish}-${number}`)) number++;
  return `${wish}-${number}`;
}

function total(clients: readonly Client[]): number {
  return clients.reduce((sum, { requests }) => sum + requests, 0);
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const key = keyOf(item);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [item]);
    else group.push(item);
  }
  return groups;
}
