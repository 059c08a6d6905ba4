import type { Credentials } from '../credentials/credentials.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { AuthenticationMethod, Identity } from '../kernel/identity.ts';
import type { Secret } from '../kernel/secret.ts';
import { askAgain, findAccount } from './ask.ts';
import { createComparison } from './comparison.ts';
import type { ComparePassword, ComparisonParts } from './comparison.ts';
import type { Account, Directory, Rights } from './directory.ts';
import type { Asker } from './flights.ts';
import { createHold } from './hold.ts';
import { SUBSCRIBER, readSubscription } from './subscription.ts';
import type { Subscriptions } from './subscription.ts';
import type { Tokens } from './token.ts';

/** Who somebody is, or why nobody knows: a value either way. */
export type Authentication =
  | { readonly kind: 'known'; readonly identity: Identity }
  | {
      readonly kind: 'refused';
      /** The client's words. */
      readonly message: string;
      /** The name that was claimed, for the log; "" where there was none. */
      readonly claimed: string;
    };

/** @throws GatewayError directory-unavailable, overloaded, throttled */
export type Authenticate = (credentials: Credentials, asker: Asker) => Promise<Authentication>;

interface Parts extends ComparisonParts {
  readonly tokens: Tokens;
  readonly subscriptions: Subscriptions;
  /** Told whether a password was known from a while ago. */
  readonly onRecall?: (isHit: boolean) => void;
}

const FAILED = 'authorization failed';
/** How often an account may change while its password is being compared, before we give up on it. */
const MAX_CHANGES = 3;

/** Credentials → identity, with Kapacitor's words for every refusal. */
export function createAuthenticate(parts: Parts): Authenticate {
  const comparePassword = createComparison(parts);
  const hold = createHold();
  return async (credentials, asker) => {
    switch (credentials.kind) {
      case 'none':
      case 'unreadable':
        return refused('unable to parse authentication credentials');
      case 'password': {
        if (credentials.name === '') return refused('username required');
        if (parts.directory.remote?.mustBeAsked(credentials.name) === true) {
          await hold(asker, checkThrottle(parts, credentials, asker));
        }
        const found = findAccount(parts.directory, credentials.name);
        const account = found instanceof Promise ? await found : found;
        return (
          recall(parts, credentials, account) ??
          hold(asker, byPassword(parts, comparePassword, credentials, asker, account))
        );
      }
      case 'bearer':
        return byToken(parts, credentials);
      case 'subscription':
        return bySubscription(parts.subscriptions, credentials.token);
      case 'two':
        return refused(ONE_AT_A_TIME, SUBSCRIBER);
      case 'certificate':
        return byCertificate(parts, credentials.name);
      case 'certificate-refused':
        return refused(credentials.why);
      case 'certificate-differs':
        return refused(NOT_THE_SAME, credentials.name);
    }
  };
}

/** Before a directory elsewhere is asked: an address that is used up costs it nothing. */
async function checkThrottle(
  { throttle, verified }: Parts,
  { name, password }: PasswordCredentials,
  { clientAddress }: Asker,
): Promise<void> {
  if (verified.wasRight(name, password)) return;
  const waitMs = await throttle.look(clientAddress, name);
  if (waitMs > 0) throw new GatewayError('throttled', { retryAfterMs: waitMs });
}

type PasswordCredentials = Credentials & { kind: 'password' };

/** The way of nearly every request: a password that was verified a while ago, against the account as it stands now. */
function recall(
  { directory, verified, onRecall }: Parts,
  { name, password, via }: PasswordCredentials,
  account: Account | undefined,
): Authentication | Promise<Authentication> | undefined {
  if (account === undefined || account.outage !== undefined) return undefined;
  const key = verified.keyOf(name, account.hash, password);
  const isHit = verified.recall(key) === 'matched';
  onRecall?.(isHit);
  return isHit ? known(directory, account, via) : undefined;
}

async function byPassword(
  { directory }: Parts,
  comparePassword: ComparePassword,
  { name, password, via }: PasswordCredentials,
  asker: Asker,
  found: Account | undefined,
): Promise<Authentication> {
  let account = found;
  for (let change = 0; change < MAX_CHANGES; change++) {
    const matched = await comparePassword(name, account, password, asker);
    const current = await afterComparing(directory, name, account, matched);
    if (matched && current !== undefined && current.hash === account?.hash) {
      return known(directory, current, via);
    }
    if (!matched && (current === undefined || current.hash === account?.hash)) break;
    account = current;
  }
  return refused(FAILED, name);
}

/**
 * The account once more. While it was compared, a user of the local store may have been deleted or given another
 * password; that of a copy may have been since it was made, and is asked for where it did not match.
 */
function afterComparing(
  directory: Directory,
  name: string,
  account: Account | undefined,
  matched: boolean,
): Account | undefined | Promise<Account | undefined> {
  if (matched) return directory.remote === undefined ? findAccount(directory, name) : account;
  return account === undefined ? undefined : askAgain(directory, account);
}

async function byToken(
  { tokens, directory }: Parts,
  { token, certificate }: Credentials & { kind: 'bearer' },
): Promise<Authentication> {
  const reading = await tokens.read(token);
  if ('refused' in reading) return refused(reading.refused);
  if (certificate !== undefined && certificate !== reading.name) {
    return refused(NOT_THE_SAME, certificate);
  }
  const account = await findAccount(directory, reading.name);
  return account === undefined
    ? refused(FAILED, reading.name)
    : known(directory, account, 'bearer');
}

const NOT_THE_SAME = 'the client certificate and the credentials beside it name different users';

/** The handshake has proved it: there is no password to compare. */
async function byCertificate({ directory }: Parts, name: string): Promise<Authentication> {
  const account = await findAccount(directory, name);
  return account === undefined ? refused(FAILED, name) : known(directory, account, 'certificate');
}

const ONE_AT_A_TIME = 'the path of a subscription is its credential: send no other beside it';

function bySubscription(subscriptions: Subscriptions, token: Secret): Authentication {
  const reading = readSubscription(subscriptions, token);
  return 'refused' in reading
    ? refused(reading.refused, SUBSCRIBER)
    : { kind: 'known', identity: reading };
}

function known(
  directory: Directory,
  account: Account,
  method: AuthenticationMethod,
): Authentication | Promise<Authentication> {
  if (account.outage !== undefined) directory.remote?.noteStale();
  const rights = account.rights();
  return rights instanceof Promise
    ? rights.then((found) => identified(account.name, found, method))
    : identified(account.name, rights, method);
}

function identified(
  name: string,
  { admin, grants }: Rights,
  method: AuthenticationMethod,
): Authentication {
  return { kind: 'known', identity: { name, admin, grants, method } };
}

function refused(message: string, claimed = ''): Authentication {
  return { kind: 'refused', message, claimed };
}
