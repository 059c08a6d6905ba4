import { partOf } from '../../authorize/smallest.ts';
import { requirementsOf } from '../../authorize/requirements.ts';
import type { Requirement } from '../../authorize/requirements.ts';
import { firstValue } from '../../kernel/query.ts';
import { isPing, isWrite } from '../../kernel/routes.ts';
import type { Target } from '../../kernel/target.ts';
import type { Entry } from './entry.ts';

/** Somebody who came: an address, a name, how it was given, and a program. */
export interface Client {
  readonly address: string;
  readonly name: string;
  readonly auth: string;
  readonly userAgent: string;
  isProven: boolean;
  requests: number;
  /** Of them, those that were refused indeed. */
  refused: number;
  readonly uses: Map<string, Use>;
  readonly needs: Map<string, Need>;
  from: string;
  until: string;
}

/** What somebody did, over and over. */
export interface Use {
  readonly privilege: string;
  readonly part: string;
  /** Of a write of points; "" elsewhere, or where none was named. */
  readonly database: string;
  count: number;
  /** Nothing is proposed for it: why. */
  readonly leftOut: string;
}

/** One of the requirements of what somebody did, for all that permissions do not tell apart from it. */
export interface Need {
  readonly requirement: Requirement;
  /** Whether the rights of then denied it. */
  isDenied: boolean;
}

export interface Clients {
  add(entry: Entry): void;
  readonly all: readonly Client[];
  /** Requests beyond the bounds, which are only counted. */
  readonly uncounted: number;
}

/** Both together are some 50 MB. */
const MAX_CLIENTS = 10_000;
const MAX_USES = 100_000;
const MAX_USES_EACH = 1_000;

/** Gathers who came and what they did, in bounded memory whatever strangers send. */
export function createClients(): Clients {
  const clients = new Map<string, Client>();
  let uses = 0;
  let uncounted = 0;
  return {
    add: (entry) => {
      const key = JSON.stringify([entry.address, entry.name, entry.auth, entry.userAgent]);
      let client = clients.get(key);
      if (client === undefined) {
        if (clients.size >= MAX_CLIENTS) {
          uncounted += entry.count;
          return;
        }
        client = newClient(entry);
        clients.set(key, client);
      }
      noteRequests(client, entry);
      const before = client.uses.size + client.needs.size;
      if (!noteUse(client, entry, uses < MAX_USES && before < MAX_USES_EACH))
        uncounted += entry.count;
      uses += client.uses.size + client.needs.size - before;
    },
    get all() {
      return [...clients.values()];
    },
    get uncounted() {
      return uncounted;
    },
  };
}

function newClient({ address, name, auth, userAgent, isProven, from, until }: Entry): Client {
  return {
    ...{ address, name, auth, userAgent, isProven, from, until },
    ...{ requests: 0, refused: 0, uses: new Map(), needs: new Map() },
  };
}

function noteRequests(client: Client, entry: Entry): void {
  client.isProven ||= entry.isProven;
  client.requests += entry.count;
  if (entry.outcome === 'refused') client.refused += entry.count;
  if (entry.from < client.from) client.from = entry.from;
  if (entry.until > client.until) client.until = entry.until;
}

/** @returns false where there was no room for it */
function noteUse(client: Client, entry: Entry, mayGrow: boolean): boolean {
  const requirements = requirementsOf(entry.target);
  const { privilege, part } = usedBy(entry.target, requirements);
  const database = isWrite(entry.target) ? firstValue(entry.target.query, 'db') : '';
  const leftOut = leftOutOf(entry, part, database);
  const key = JSON.stringify([privilege, part, database, leftOut]);
  const use = client.uses.get(key);
  if (use !== undefined) use.count += entry.count;
  else if (!mayGrow) return false;
  else client.uses.set(key, { privilege, part, database, count: entry.count, leftOut });
  if (leftOut !== '') return true;
  for (const requirement of requirements) {
    if (!isOwnRecord(entry, requirement)) addNeed(client, entry, requirement);
  }
  return true;
}

function addNeed(client: Client, { outcome }: Entry, requirement: Requirement): void {
  const key = needKeyOf(requirement);
  const need = client.needs.get(key);
  const isDenied = outcome === 'passed';
  if (need === undefined) client.needs.set(key, { requirement, isDenied });
  else need.isDenied ||= isDenied;
}

/** One's own password needs no right. */
function isOwnRecord({ name, auth, isProven }: Entry, requirement: Requirement): boolean {
  if (requirement.kind !== 'admin' || !isProven || auth !== 'basic') return false;
  return requirement.ownRecordOf === name;
}

function needKeyOf(requirement: Requirement): string {
  switch (requirement.kind) {
    case 'database':
      return JSON.stringify(['database', requirement.database]);
    case 'endpoint':
      return JSON.stringify(['endpoint', requirement.privilege, partOf(requirement.resource)]);
    case 'admin':
      return JSON.stringify(['admin', requirement.privilege, partOf(requirement.resource)]);
  }
}

function usedBy(
  { method }: Target,
  [first]: readonly Requirement[],
): { readonly privilege: string; readonly part: string } {
  if (first === undefined) return { privilege: method, part: 'anything' };
  if (first.kind === 'database') return { privilege: 'write', part: 'points' };
  return { privilege: first.privilege, part: partOf(first.resource) };
}

/** What Kapacitor has, in any version: what is nowhere else than here is answered 404 by all of them. */
const KNOWN_PARTS: ReadonlySet<string> = new Set(
  [
    ...['ping', 'write', ':routes', 'loglevel', 'tasks', 'templates', 'recordings', 'replays'],
    ...[
      'subscriptions',
      'config',
      'service-tests',
      'alerts',
      'storage',
      'sideload',
      'users',
      'api',
    ],
  ].flatMap((word) => [`/api/${word}`, `/api/preview/${word}`]),
);
const KNOWN_GROUPS = ['/api/debug/', '/api/preview/logs', '/api/preview/debug'];

const NOTHING_THERE = 'Kapacitor has nothing there (404)';

/** Why a request asks for no permission; "" where it does. */
function leftOutOf(
  { target, outcome, status, auth }: Entry,
  part: string,
  database: string,
): string {
  if (outcome === 'refused') return 'it was refused';
  if (auth === 'bootstrap') return 'it made the first admin';
  if (auth === 'subscription' && outcome === 'allowed')
    return 'a subscription has its rights by itself';
  if (auth === 'anonymous' && isPing(target)) return 'pings need no credentials here';
  if (isWrite(target) && database === '') return 'Kapacitor takes no points without a database';
  if (part === '/api/write' && !isWrite(target) && status === 404) return NOTHING_THERE;
  const isKnown = KNOWN_PARTS.has(part) || KNOWN_GROUPS.some((each) => part.startsWith(each));
  return status === 404 && !isKnown ? NOTHING_THERE : '';
}
