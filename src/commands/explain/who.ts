import { usesMetaNodes } from '../../config/config.ts';
import type { Loaded } from '../../config/load.ts';
import type { Identity } from '../../kernel/identity.ts';
import { subscriberOf } from '../../users/lmdb-subscriptions.ts';
import { loadForCommand, openStoreFor } from '../context.ts';
import type { Context } from '../context.ts';
import { CommandError } from '../terminal.ts';
import { metaWho } from './meta-who.ts';

/** One line of the explanation. */
export interface Step {
  readonly what: string;
  readonly detail: string;
}

/** Who asks, and how that is known. */
export interface Who {
  readonly identity: Identity;
  readonly steps: readonly Step[];
  /** What a change of users is answered with, where they are kept elsewhere. */
  readonly keptAt: string | undefined;
}

/** Finds a user where the gateway would. @throws CommandError where there is none; MetaFault where nobody can say */
export async function whoIs(context: Context, name: string): Promise<Who> {
  const loaded = loadForCommand(context);
  if (name.startsWith(SUBSCRIBER)) return subscriberWho(context, loaded, name);
  return usesMetaNodes(loaded.config)
    ? metaWho(loaded.config, name)
    : localWho(context, loaded, name);
}

/** As the access log names a subscription. */
const SUBSCRIBER = '~subscriber:';

/** Subscriptions are in the local store wherever users come from. */
async function subscriberWho(context: Context, loaded: Loaded, name: string): Promise<Who> {
  const store = openStoreFor(context, loaded);
  try {
    const record = store.subscriptions.get(name.slice(SUBSCRIBER.length));
    if (record === undefined) {
      throw new CommandError(
        `there is no subscription "${name.slice(SUBSCRIBER.length)}": kapgate subscriptions list shows all`,
      );
    }
    const identity = subscriberOf(record);
    const detail = `${name}: a subscription of InfluxDB`;
    return { identity, steps: [{ what: 'user', detail }], keptAt: undefined };
  } finally {
    await store.close();
  }
}

async function localWho(context: Context, loaded: Loaded, name: string): Promise<Who> {
  const store = openStoreFor(context, loaded);
  try {
    const account = store.find(name);
    if (account === undefined) {
      throw new CommandError(`there is no user "${name}": kapgate users list shows all`);
    }
    const rights = account.rights();
    return {
      identity: { name, ...rights, method: 'basic' },
      steps: [{ what: 'user', detail: `${name}: ${rights.admin ? 'admin' : 'normal'}` }],
      keptAt: undefined,
    };
  } finally {
    await store.close();
  }
}
