import { GatewayError } from '../kernel/errors.ts';
import type { Account, Directory } from './directory.ts';
import { readRemoteForm } from './password-forms.ts';

/**
 * Asks a directory: one that cannot say is not one that says no.
 * @throws GatewayError directory-unavailable
 */
export function findAccount(
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

/**
 * The account read anew, after a password did not match: its user may have another one since. Undefined where that
 * cannot help: it is no copy, or a young one, or it holds no password that can be checked here, as then its system has
 * just been asked itself.
 * @throws GatewayError directory-unavailable
 */
export function askAgain(
  { remote }: Directory,
  { name, hash }: Account,
): Promise<Account | undefined> | undefined {
  return readRemoteForm(hash) === undefined ? undefined : remote?.again(name, hash);
}

/** What a failed login must cost. @throws GatewayError directory-unavailable */
export function highestCostIn(directory: Directory): number {
  try {
    return directory.highestCost();
  } catch (cause) {
    return unavailable(cause);
  }
}

function unavailable(cause: unknown): never {
  throw cause instanceof GatewayError
    ? cause
    : new GatewayError('directory-unavailable', { cause });
}
