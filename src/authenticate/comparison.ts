import { GatewayError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { askAgain, highestCostIn } from './ask.ts';
import type { Account, Directory, Remote } from './directory.ts';
import { createFlights } from './flights.ts';
import type { Asker } from './flights.ts';
import { createGenerations } from './generations.ts';
import type { Turn } from './hashing-queue.ts';
import { hostOf } from './host.ts';
import { readPasswordForm, readRemoteForm } from './password-forms.ts';
import { canBePassword, judgePassword } from './password-rule.ts';
import type { Passwords } from './password.ts';
import type { Throttle } from './throttle.ts';
import type { VerifiedPasswords } from './verified.ts';

/**
 * Whether this is the password of the account; of nobody's, where there is none, it costs what it would of somebody's.
 * @throws GatewayError directory-unavailable, overloaded, throttled
 */
export type ComparePassword = (
  name: string,
  account: Account | undefined,
  password: Secret,
  asker: Asker,
) => Promise<boolean> | boolean;

export interface ComparisonParts {
  readonly directory: Directory;
  readonly passwords: Passwords;
  readonly verified: VerifiedPasswords;
  readonly throttle: Throttle;
  /** The cost that hashes should have; cheaper ones are renewed when their password is at hand. */
  readonly bcryptCost: number;
  /** Told where renewing a hash failed: the login stands all the same. */
  readonly onRenewalFailure: (name: string, error: unknown) => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Compares through the cache, and each password only once at a time. */
export function createComparison(parts: ComparisonParts): ComparePassword {
  const { verified } = parts;
  const compareAnew = createNewComparison(parts);
  const flights = createFlights();

  return (name, account, password, asker) => {
    const key = verified.keyOf(name, account?.hash ?? '', password);
    const recalled = verified.recall(key);
    if (account?.outage !== undefined) {
      if (recalled === 'matched' || recalled === 'stale') return true;
      // It may be right by now: nobody is told that it is wrong while nobody can say.
      throw account.outage;
    }
    if (recalled === 'matched') return account !== undefined;
    if (recalled === 'failed') return false;
    // This very password was right before: nobody guesses, and nobody else's guesses stop it.
    const wasRight = verified.wasRight(name, password);
    const comparison = flights(key, asker, async (askers) => {
      const turn = { ...askers, source: hostOf(asker.clientAddress), isTrusted: wasRight };
      const compare = async (): Promise<boolean> => {
        const matched = await compareAnew(key, account, password, turn);
        verified.noteRight(name, password, matched);
        return matched;
      };
      const matched = await (wasRight
        ? compare()
        : asAttempt(parts, asker, name, account, compare));
      verified.remember(key, matched ? 'matched' : 'failed');
      return matched;
    });
    return wasRight && recalled === 'stale'
      ? comparison.catch((error: unknown) => goOn(parts, error))
      : comparison;
  };
}

/** Compares where there are not too many failures; what turns out right, or cannot be told, is none. */
async function asAttempt(
  { throttle, directory }: ComparisonParts,
  { clientAddress }: Asker,
  name: string,
  account: Account | undefined,
  compare: () => Promise<boolean>,
): Promise<boolean> {
  const attempt = await throttle.begin(clientAddress, name);
  if ('waitMs' in attempt) throw new GatewayError('throttled', { retryAfterMs: attempt.waitMs });
  try {
    const matched = await compare();
    if (matched) await attempt.succeed();
    else if (await isOutdated(directory, account)) await attempt.forgive();
    else await attempt.fail();
    return matched;
  } catch (error) {
    await attempt.forgive();
    throw error;
  }
}

/** Whether it was compared with a copy that has changed since: then it is compared with the new one, and that counts. */
async function isOutdated(directory: Directory, account: Account | undefined): Promise<boolean> {
  if (account === undefined) return false;
  const newer = await askAgain(directory, account);
  return newer !== undefined && newer.hash !== account.hash;
}

/** Who was verified before goes on while nobody can check it again. */
function goOn({ directory }: ComparisonParts, error: unknown): true {
  if (!isOutage(error)) throw error;
  directory.remote?.noteStale();
  return true;
}

function isOutage(error: unknown): error is GatewayError {
  return error instanceof GatewayError && error.code === 'directory-unavailable';
}

type CompareAnew = (
  key: string,
  account: Account | undefined,
  password: Secret,
  turn: Turn,
) => Promise<boolean>;

function createNewComparison(parts: ComparisonParts): CompareAnew {
  const { passwords, directory } = parts;
  const askRemote = createRemoteQuestion(parts.now);
  const read = directory.remote === undefined ? readPasswordForm : readRemoteForm;
  return async (key, account, password, turn) => {
    const form = account === undefined ? undefined : read(account.hash);
    if (account !== undefined && form === undefined && directory.remote !== undefined) {
      return askRemote(directory.remote, key, account.name, password);
    }
    if (account === undefined || form === undefined || !fits(password, form.kind)) {
      await passwords.spend(password, highestCostIn(directory), turn);
      return false;
    }
    const failureCost = highestCostIn(directory);
    const matched = await passwords.compare(password, account.hash, { turn, failureCost });
    if (matched && form.kind === 'bcrypt' && form.cost < parts.bcryptCost) {
      renewHash(parts, account, password);
    }
    return matched;
  };
}

function fits(password: Secret, kind: 'bcrypt' | 'pbkdf2'): boolean {
  const text = password.reveal();
  return kind === 'bcrypt' ? judgePassword(text) === undefined : canBePassword(text);
}

/** So long after an outage nobody is asked about the same password again. */
const OUTAGE_TTL_MS = 1_000;
const MAX_OUTAGES = 1_000;

function createRemoteQuestion(
  now: () => number,
): (remote: Remote, key: string, name: string, password: Secret) => Promise<boolean> {
  const outages = createGenerations<GatewayError>({ maxEntries: MAX_OUTAGES, now });
  return async (remote, key, name, password) => {
    if (!canBePassword(password.reveal())) return false;
    const outage = outages.get(key);
    if (outage !== undefined) throw outage;
    try {
      return await remote.isAuthorized(name, password);
    } catch (error) {
      if (isOutage(error)) outages.set(key, error, OUTAGE_TTL_MS);
      throw error;
    }
  };
}

/** Behind the login's back: it neither waits for the new hash nor fails with it. */
function renewHash(parts: ComparisonParts, { name, hash }: Account, password: Secret): void {
  const { directory } = parts;
  if (directory.renewHash === undefined) return;
  parts.passwords
    .hash(password)
    .then((renewed) => directory.renewHash?.(name, hash, renewed))
    .catch((error: unknown) => {
      parts.onRenewalFailure(name, error);
    });
}
