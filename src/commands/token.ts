import { signToken } from '../authenticate/signed-token.ts';
import { usesMetaNodes } from '../config/config.ts';
import { parseDuration } from '../config/duration.ts';
import type { Loaded } from '../config/load.ts';
import { loadForCommand, openStoreFor } from './context.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './terminal.ts';

export interface TokenOptions {
  readonly user: string;
  readonly expires: string;
}

/** Prints a bearer token for a user of the store, or in meta mode for any name, signed with `[http] shared-secret`. */
export async function token(context: Context, options: TokenOptions): Promise<number> {
  const loaded = loadForCommand(context);
  const { sharedSecret } = loaded.config.http;
  if (sharedSecret.isEmpty) {
    throw new CommandError(
      'tokens are off: set [http] shared-secret (16 bytes or more), then restart',
    );
  }
  const lifetimeMs = lifetimeOf(options.expires);
  // Whom the meta nodes do not know, the gateway refuses when the token is used.
  if (!usesMetaNodes(loaded.config)) await demandLocalUser(context, loaded, options.user);
  const signed = await signToken(sharedSecret, options.user, Date.now(), lifetimeMs);
  context.terminal.out(`${signed}\n`);
  return EXIT.ok;
}

async function demandLocalUser(context: Context, loaded: Loaded, name: string): Promise<void> {
  const store = openStoreFor(context, loaded);
  try {
    if (store.get(name) === undefined) {
      throw new CommandError(`there is no user "${name}": kapgate users list shows all`);
    }
  } finally {
    await store.close();
  }
}

function lifetimeOf(text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined && duration >= 1000) return duration;
  throw new CommandError(
    `--expires ${JSON.stringify(text)}: allowed is a duration of at least 1s, like "30m", "12h" or "1h30m"`,
    EXIT.usage,
  );
}
