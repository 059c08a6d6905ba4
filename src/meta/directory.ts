import type { Account, Directory } from '../authenticate/directory.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { MetaAccount } from './account.ts';
import type { MetaClient } from './client.ts';
import { Copies } from './copies.ts';
import type { Copy } from './copies.ts';
import type { MetaFault } from './fault.ts';
import { createOutageWatch } from './outage.ts';
import type { OutageCounts, OutageEvents, OutageWatch } from './outage.ts';
import { createRoles, isRefusal } from './roles.ts';
import type { Roles } from './roles.ts';

export interface MetaDirectoryOptions {
  readonly client: Pick<MetaClient, 'user' | 'roles' | 'isAuthorized'>;
  /** `[auth] cache-expiration`: how long users and roles are believed; 0: nothing is kept. */
  readonly cacheExpirationMs: number;
  /** `[auth] meta-stale`: how much longer for those who were verified, while no node can say. */
  readonly staleMs: number;
  /** `[auth] meta-admins`: user names and `role:NAME`. */
  readonly metaAdmins: readonly string[];
  readonly events: MetaEvents;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** What an operator should hear of. */
export interface MetaEvents {
  readonly outage: OutageEvents;
  /** Told once: the gateway's own user may not read roles, so users have their own permissions only. */
  rolesRefused(fault: MetaFault): void;
  /** Told once for each name of a permission that is not known here; it grants nothing. */
  unknownPermission(permission: string, user: string): void;
}

/** The users of InfluxDB Enterprise. All that fails is a GatewayError directory-unavailable. */
export interface MetaDirectory extends Directory {
  /** Forgets all that the nodes said (SIGHUP). */
  forget(): void;
  counts(): OutageCounts;
  /** Asks the nodes something that is never kept, so that an outage is seen to begin and to end without logins. */
  probe(): Promise<void>;
}

/** Bytes of a name are kept even where no user has it: in InfluxDB itself names are far shorter. */
const MAX_NAME_LENGTH = 1024;
const MAX_USERS = 10_000;
/** A copy this young is not asked for anew where a password does not match. */
const YOUNG_MS = 5_000;
/** InfluxDB Enterprise's own, where nothing else is set: a failed login costs that much, whoever was named. */
const USUAL_BCRYPT_COST = 10;
const MAX_WARNINGS = 1_000;
/** Whether there is a user of that name does not matter. */
const ANYBODY = 'kapgate';
const UNAVAILABLE = 'the meta node cannot say who the user is at the moment, try again';

export function createMetaDirectory(options: MetaDirectoryOptions): MetaDirectory {
  const { client, events, now } = options;
  const kept = { freshMs: options.cacheExpirationMs, staleMs: options.staleMs, now };
  const watch = createOutageWatch(events.outage, now);
  const roles = createRoles({
    ...kept,
    ask: () => watch.ask(() => client.roles(), isRefusal),
    onRefused: (fault) => {
      events.rolesRefused(fault);
    },
  });
  const users = new Copies<MetaAccount>({
    ...kept,
    ask: createAskUser(options, watch, roles),
    maxEntries: MAX_USERS,
  });
  return {
    find: (name) => {
      if (!canBeName(name)) return undefined;
      const found = users.find(name);
      return found instanceof Promise ? found.then(accountOf, unavailable) : accountOf(found);
    },
    highestCost: () => USUAL_BCRYPT_COST,
    remote: {
      mustBeAsked: (name) => canBeName(name) && !users.isAtHand(name),
      again: (name, hash) => again(users, name, hash, now()),
      isAuthorized: (name, password) => isAuthorized(options, watch, name, password),
      noteStale: () => {
        watch.noteStale();
      },
    },
    forget: () => {
      users.forget();
      roles.forget();
    },
    counts: () => watch.counts(),
    probe: async () => {
      await watch.ask(() => client.user(ANYBODY));
    },
  };
}

function createAskUser(
  { client, events, metaAdmins }: MetaDirectoryOptions,
  watch: OutageWatch,
  roles: Roles,
): (name: string) => Promise<MetaAccount | undefined> {
  const told = new Set<string>();
  const parts = {
    metaAdmins,
    roles: () => {
      const table = roles.table();
      return table instanceof Promise ? table.catch(unavailable) : table;
    },
    onUnknown: (permissions: readonly string[], user: string) => {
      for (const each of permissions) {
        if (told.has(each) || told.size >= MAX_WARNINGS) continue;
        told.add(each);
        events.unknownPermission(each, user);
      }
    },
    noteStale: () => {
      watch.noteStale();
    },
  };
  return async (name) => {
    const user = await watch.ask(() => client.user(name));
    return user === undefined ? undefined : new MetaAccount(user, parts);
  };
}

/** Somebody else may have asked anew already. */
function again(
  users: Copies<MetaAccount>,
  name: string,
  hash: string,
  atMs: number,
): Promise<Account | undefined> | undefined {
  const copy = users.peek(name);
  // Where none is kept it has just been read.
  if (copy === undefined) return undefined;
  if (copy.value.hash !== hash) return Promise.resolve(copy.value);
  if (atMs - copy.readMs < YOUNG_MS) return undefined;
  return users.read(name).then(accountOf, unavailable);
}

async function isAuthorized(
  { client }: MetaDirectoryOptions,
  watch: OutageWatch,
  name: string,
  password: Secret,
): Promise<boolean> {
  try {
    return await watch.ask(() => client.isAuthorized(name, password));
  } catch (fault) {
    return unavailable(fault);
  }
}

function accountOf(found: Copy<MetaAccount> | undefined): Account | undefined {
  return found?.outage === undefined
    ? found?.value
    : found.value.during(unavailableBy(found.outage));
}

/** A surrogate alone, which a token can hold, is no character: no name that is sent could hold it. */
function canBeName(name: string): boolean {
  return name !== '' && name.length <= MAX_NAME_LENGTH && !/\p{Cs}/u.test(name);
}

function unavailableBy(cause: unknown): GatewayError {
  return new GatewayError('directory-unavailable', { message: UNAVAILABLE, cause });
}

function unavailable(cause: unknown): never {
  throw unavailableBy(cause);
}
