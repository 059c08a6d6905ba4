import type { Credentials } from '../credentials/credentials.ts';
import { costOf } from '../kernel/bcrypt-hash.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { AuthenticationMethod, Identity } from '../kernel/identity.ts';
import type { Secret } from '../kernel/secret.ts';
import type { Account, Directory } from './directory.ts';
import { judgePassword } from './password-rule.ts';
import type { Passwords } from './password.ts';
import type { Tokens } from './token.ts';
import type { VerifiedPasswords } from './verified.ts';

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

/** @throws GatewayError directory-unavailable, overloaded */
export type Authenticate = (credentials: Credentials) => Promise<Authentication>;

interface Parts {
  readonly directory: Directory;
  readonly passwords: Passwords;
  readonly verified: VerifiedPasswords;
  readonly tokens: Tokens;
  /** The cost that hashes should have; cheaper ones are renewed when their password is at hand. */
  readonly bcryptCost: number;
  /** Told where renewing a hash failed: the login stands all the same. */
  readonly onRenewalFailure: (name: string, error: unknown) => void;
}

const FAILED = 'authorization failed';
/** How often an account may change while its password is being compared, before we give up on it. */
const MAX_CHANGES = 3;

/** Credentials → identity, with Kapacitor's words for every refusal. */
export function createAuthenticate(parts: Parts): Authenticate {
  const comparePassword = createComparison(parts);
  return async (credentials) => {
    switch (credentials.kind) {
      case 'none':
      case 'unreadable':
        return refused('unable to parse authentication credentials');
      case 'password':
        if (credentials.name === '') return refused('username required');
        return recall(parts, credentials) ?? byPassword(parts, comparePassword, credentials);
      case 'bearer':
        return byToken(parts, credentials.token);
      case 'subscription':
        return bySubscription(credentials.token);
    }
  };
}

type PasswordCredentials = Credentials & { kind: 'password' };

/** The way of nearly every request: a password that was verified a while ago, against the account as it stands now. */
function recall(
  { directory, verified }: Parts,
  { name, password, via }: PasswordCredentials,
): Authentication | undefined {
  const account = find(directory, name);
  if (account === undefined || account instanceof Promise) return undefined;
  const key = verified.keyOf(name, account.hash, password);
  return verified.recall(key) === 'matched' ? known(account, via) : undefined;
}

async function byPassword(
  { directory }: Parts,
  comparePassword: ComparePassword,
  { name, password, via }: PasswordCredentials,
): Promise<Authentication> {
  for (let change = 0; change < MAX_CHANGES; change++) {
    const account = await find(directory, name);
    if (!(await comparePassword(name, account, password))) break;
    // While it was compared the user may have been deleted or given another password.
    const current = await find(directory, name);
    if (current !== undefined && current.hash === account?.hash) return known(current, via);
  }
  return refused(FAILED, name);
}

async function byToken({ tokens, directory }: Parts, token: Secret): Promise<Authentication> {
  const reading = await tokens.read(token);
  if ('refused' in reading) return refused(reading.refused);
  const account = await find(directory, reading.name);
  return account === undefined ? refused(FAILED, reading.name) : known(account, 'bearer');
}

/** A directory that cannot say is not one that says no. */
function find(
  directory: Directory,
  name: string,
): Account | undefined | Promise<Account | undefined> {
  try {
    const found = directory.find(name);
    return found instanceof Promise ? found.catch(unavailable) : found;
  } catch (cause) {
    return unavailable(cause);
  }
}

function unavailable(cause: unknown): never {
  throw new GatewayError('directory-unavailable', { cause });
}

function highestCost(directory: Directory): number {
  try {
    return directory.highestCost();
  } catch (cause) {
    return unavailable(cause);
  }
}

/** Kapacitor's subscription tokens are valid user names; one that was never given out is refused. */
function bySubscription(token: Secret): Authentication {
  return token.isEmpty
    ? refused('token must be a valid username: ""', '~subscriber')
    : refused('invalid subscription token', '~subscriber');
}

type ComparePassword = (
  name: string,
  account: Account | undefined,
  password: Secret,
) => Promise<boolean> | boolean;

/** Compares through the cache, and each password only once at a time. */
function createComparison(parts: Parts): ComparePassword {
  const { verified } = parts;
  const inFlight = new Map<string, Promise<boolean>>();
  return (name, account, password) => {
    const key = verified.keyOf(name, account?.hash ?? '', password);
    const recalled = verified.recall(key);
    if (recalled !== undefined) return recalled === 'matched';
    const flight = inFlight.get(key);
    if (flight !== undefined) return flight;
    const comparison = compareAnew(parts, account, password)
      .then((matched) => {
        verified.remember(key, matched ? 'matched' : 'failed');
        return matched;
      })
      .finally(() => inFlight.delete(key));
    inFlight.set(key, comparison);
    return comparison;
  };
}

async function compareAnew(
  parts: Parts,
  account: Account | undefined,
  password: Secret,
): Promise<boolean> {
  const { passwords, directory } = parts;
  const cost = account === undefined ? undefined : costOf(account.hash);
  if (
    account === undefined ||
    cost === undefined ||
    judgePassword(password.reveal()) !== undefined
  ) {
    await passwords.spend(password, highestCost(directory));
    return false;
  }
  if (await passwords.compare(password, account.hash)) {
    if (cost < parts.bcryptCost) renewHash(parts, account, password);
    return true;
  }
  // 2^c + 2^c + 2^(c+1) + … + 2^(h-1) = 2^h: every failure costs the same, whatever the cost of its hash.
  const highest = highestCost(directory);
  for (let each = cost; each < highest; each++) await passwords.spend(password, each);
  return false;
}

/** Behind the login's back: it neither waits for the new hash nor fails with it. */
function renewHash(parts: Parts, { name, hash }: Account, password: Secret): void {
  parts.passwords
    .hash(password)
    .then((renewed) => parts.directory.renewHash(name, hash, renewed))
    .catch((error: unknown) => {
      parts.onRenewalFailure(name, error);
    });
}

function known(account: Account, method: AuthenticationMethod): Authentication {
  const { name, admin, grants } = account;
  return { kind: 'known', identity: { name, admin, grants, method } };
}

function refused(message: string, claimed = ''): Authentication {
  return { kind: 'refused', message, claimed };
}
