import { metaOriginsOf, usesMetaNodes } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import { keptAt } from '../meta/kept-at.ts';
import type { UserStore } from '../users/store.ts';
import { authorOf, openChangeLog } from './change-log.ts';
import type { ChangeLog } from './change-log.ts';
import { loadForCommand, openStoreFor } from './context.ts';
import type { Context } from './context.ts';

type Use = (store: UserStore, loaded: Loaded, changes: ChangeLog) => Promise<number> | number;

/** Runs a command on the local users, and closes the store behind it. */
export function withStore(context: Context, use: Use): Promise<number> {
  return withWholeStore(context, (store, loaded, changes) => {
    noteMetaNodes(context, loaded);
    return use(store, loaded, changes);
  });
}

/** As `withStore`, for what stands in the local store wherever users come from. */
export async function withWholeStore(context: Context, use: Use): Promise<number> {
  const loaded = loadForCommand(context);
  const { terminal } = context;
  const author = authorOf(terminal);
  const store = openStoreFor(context, loaded);
  try {
    return await use(store, loaded, openChangeLog(terminal, loaded, author));
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
