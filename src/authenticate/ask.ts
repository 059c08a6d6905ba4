import { GatewayError } from '../kernel/errors.ts';
import type { Account, Directory } from './directory.ts';

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
