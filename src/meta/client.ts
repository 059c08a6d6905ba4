import type { Secret } from '../kernel/secret.ts';
import { createAttempt } from './attempt.ts';
import type { Question } from './attempt.ts';
import { createCalls } from './calls.ts';
import type { MetaRole, MetaUser } from './documents.ts';
import { MetaFault } from './fault.ts';
import { createHttp } from './http.ts';
import { MetaNode } from './node.ts';
import type { MetaNodeState } from './node.ts';
import { createOwnUser } from './own-user.ts';
import { createReadings } from './reading.ts';
import { readMetaTls } from './tls.ts';
import type { MetaTlsFiles } from './tls.ts';

/**
 * Asks the meta nodes of InfluxDB Enterprise. "No such user" and "wrong password" are values;
 * all that keeps the nodes from saying so is a MetaFault, thrown within `meta-timeout`.
 */
export interface MetaClient {
  /** GET /user?name=NAME. @throws MetaFault */
  user(name: string): Promise<MetaUser | undefined>;
  /** GET /user. @throws MetaFault */
  users(): Promise<readonly MetaUser[]>;
  /** GET /role. @throws MetaFault */
  roles(): Promise<readonly MetaRole[]>;
  /** GET /authorized: whether this is the user's password. One call; 401 and 403 are final. @throws MetaFault */
  isAuthorized(name: string, password: Secret): Promise<boolean>;
  /** Closes kept connections; calls under way fail. */
  close(): void;
}

/** A client that also tells how its nodes are. */
export interface MetaNodesClient extends MetaClient {
  nodes(): readonly MetaNodeState[];
}

export interface MetaClientOptions {
  /** HOST:PORT of each node; the first is asked first. */
  readonly addresses: readonly string[];
  /** HOST:PORT of further nodes that an unverified redirect may lead to, where only some of them are asked. */
  readonly redirectsTo?: readonly string[];
  /** Undefined: without TLS. The files are read once, here. */
  readonly tls: MetaTlsFiles | undefined;
  /** The gateway's own user at the nodes; both "" = none. */
  readonly username: string;
  readonly password: Secret;
  /**
   * Given where the internal shared secret is set, and taken instead of the user:
   * signs a token that lives that long (authenticate/token.ts signMetaToken).
   */
  readonly signToken: ((lifetimeMs: number) => Promise<string>) | undefined;
  /** For each call as a whole. */
  readonly timeoutMs: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Called once when a node begins to rest, and once when it answers again. */
  readonly onNodeChange: (state: MetaNodeState) => void;
}

/** One user may have rights on thousands of databases. */
const MAX_USER_BYTES = 4 * 1024 * 1024;
const MAX_LIST_BYTES = 64 * 1024 * 1024;
const MAX_AUTHORIZED_BYTES = 64 * 1024;

/** How long an answer to the gateway's own user proves that the nodes take it. */
const OWN_USER_PROVEN_MS = 60_000;

/** Nothing is asked yet. @throws where a file of TLS cannot be used: the sentence names the key and the file */
export function createMetaClient(options: MetaClientOptions): MetaNodesClient {
  const { tls: files, now, timeoutMs, onNodeChange } = options;
  const tls = files === undefined ? undefined : readMetaTls(files);
  const scheme = tls === undefined ? 'http' : 'https';
  const originsOf = (addresses: readonly string[]): readonly string[] => [
    ...new Set(addresses.map((address) => new URL(`${scheme}://${address}`).origin)),
  ];
  const origins = originsOf(options.addresses);
  const trusted = [...origins, ...originsOf(options.redirectsTo ?? [])];
  const nodes = origins.map((origin) => new MetaNode(origin, { now, onChange: onNodeChange }));
  const own = createOwnUser(options);
  const http = createHttp(tls);
  const verified = tls?.rejectUnauthorized === true;
  const calls = createCalls({
    nodes,
    attempt: createAttempt({ http, own, origins: trusted, verified }),
    timeoutMs,
  });
  return {
    ...createQuestions(calls.ask, createReadings(own), now),
    nodes: () => nodes.map((node) => node.state),
    close: () => {
      calls.close();
      http.close();
    },
  };
}

/** Source of the requests: kapacitor services/auth/meta/client.go Users, CheckPass. */
function createQuestions(
  ask: <T>(question: Question<T>) => Promise<T>,
  read: ReturnType<typeof createReadings>,
  now: () => number,
): Omit<MetaClient, 'close'> {
  let ownUserTakenAtMs = -Infinity;
  const askAsOwnUser = async <T>(question: Question<T>): Promise<T> => {
    try {
      const value = await ask(question);
      ownUserTakenAtMs = now();
      return value;
    } catch (fault) {
      if (isOwnUserRefused(fault)) ownUserTakenAtMs = -Infinity;
      throw fault;
    }
  };
  const list = { query: '', maxBytes: MAX_LIST_BYTES };
  const user = async (name: string): Promise<MetaUser | undefined> => {
    if (!isName(name)) return undefined;
    return onlyUser(
      name,
      await askAsOwnUser({
        path: '/user',
        query: queryOf({ name }),
        maxBytes: MAX_USER_BYTES,
        read: read.users,
      }),
    );
  };
  return {
    user,
    users: () => askAsOwnUser({ path: '/user', ...list, read: read.users }),
    roles: () => askAsOwnUser({ path: '/role', ...list, read: read.roles }),
    isAuthorized: async (name, password) => {
      // An LDAP server takes an empty password for an anonymous login, and says yes.
      if (!isName(name) || password.isEmpty) return false;
      const authorized = await ask({
        path: '/authorized',
        query: queryOf({
          name,
          password: password.reveal(),
          permission: 'NoPermissions',
          resource: '_',
        }),
        maxBytes: MAX_AUTHORIZED_BYTES,
        read: read.authorized,
      });
      // A node that no longer takes the gateway's own user says 401, too: /user tells the two apart.
      const ageMs = now() - ownUserTakenAtMs;
      if (authorized) ownUserTakenAtMs = now();
      else if (ageMs < 0 || ageMs > OWN_USER_PROVEN_MS) await user(name);
      return authorized;
    },
  };
}

function isOwnUserRefused(fault: unknown): boolean {
  return fault instanceof MetaFault && (fault.kind === 'credentials' || fault.kind === 'forbidden');
}

/** Without a name /user lists all; and what is not Unicode would be asked for as something else. */
function isName(name: string): boolean {
  return name !== '' && !/\p{Cs}/u.test(name);
}

function queryOf(fields: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(fields).map(([key, value]) => `${key}=${encodeURIComponent(value)}`);
  return `?${pairs.join('&')}`;
}

/** @throws MetaFault where the answer is about somebody else */
function onlyUser(name: string, users: readonly MetaUser[]): MetaUser | undefined {
  const [user, ...others] = users;
  if (user === undefined || (user.name === name && others.length === 0)) return user;
  throw new MetaFault('bad-answer', 'a meta node answers with other users than it was asked for');
}
