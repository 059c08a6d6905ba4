import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Loaded } from '../../config/load.ts';
import { DATA_FILE } from '../../users/datafile.ts';
import { hashOf } from '../../users/subscription.ts';
import type { StoredSecret } from '../../users/subscription.ts';
import type { UserStore } from '../../users/store.ts';
import { openStoreFor } from '../context.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../terminal.ts';
import type { Ends } from './destination.ts';

/** What the doctor asks the store of users and subscriptions. */
export interface StoreFacts {
  readonly isKnown: Ends['isKnown'];
  /** False while the first admin can still be made by a request; undefined where the store cannot be read. */
  readonly everHadAdmin: boolean | undefined;
}

/** Reads the store. Root goes on as its owner for good: to be asked last. One that is not there is not made. */
export async function readStore(
  context: Context,
  loaded: Loaded,
  now: () => number,
): Promise<StoreFacts> {
  if (!existsSync(join(loaded.config.store.path, DATA_FILE))) return UNKNOWN;
  let store: UserStore;
  try {
    store = openStoreFor(context, loaded);
  } catch (error) {
    if (error instanceof CommandError) return UNKNOWN;
    throw error;
  }
  try {
    return { isKnown: knownIn(store, now), everHadAdmin: store.everHadAdmin() };
  } catch {
    // What is damaged is `kapgate check`'s to tell.
    return UNKNOWN;
  } finally {
    await store.close();
  }
}

const UNKNOWN: StoreFacts = { isKnown: () => undefined, everHadAdmin: undefined };

function knownIn({ subscriptions }: UserStore, now: () => number): Ends['isKnown'] {
  const good = ({ ends }: StoredSecret): boolean => ends === undefined || Date.parse(ends) > now();
  const hashes = new Set(
    subscriptions.list().flatMap(({ secrets }) => secrets.filter(good).map(({ hash }) => hash)),
  );
  return (secret) => hashes.has(hashOf(secret));
}
