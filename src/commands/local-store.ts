import { metaOriginsOf, usesMetaNodes } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import { keptAt } from '../meta/kept-at.ts';
import type { UserStore } from '../users/store.ts';
import { loadForCommand, openStoreFor } from './context.ts';
import type { Context } from './context.ts';

/** Runs a command on the local users, and closes the store behind it. */
export async function withStore(
  context: Context,
  use: (store: UserStore, loaded: Loaded) => Promise<number> | number,
): Promise<number> {
  const loaded = loadForCommand(context);
  noteMetaNodes(context, loaded);
  const store = openStoreFor(context, loaded);
  try {
    return await use(store, loaded);
  } finally {
    await store.close();
  }
}

/** It is good to know where local users have no say. */
function noteMetaNodes({ terminal }: Context, { config }: Loaded): void {
  if (!usesMetaNodes(config)) return;
  terminal.err(
    'kapgate: this is the local store, whose users have no effect while [auth] meta-addr is set: ' +
      `${keptAt(metaOriginsOf(config))}\n`,
  );
}
