import { signToken } from '../authenticate/token.ts';
import { parseDuration } from '../config/duration.ts';
import { loadForCommand, openStoreFor } from './context.ts';
import type { Context } from './context.ts';
import { CommandError, EXIT } from './terminal.ts';

export interface TokenOptions {
  readonly user: string;
  readonly expires: string;
}

/** Prints a bearer token for a user of the store, signed with `[http] shared-secret`. */
export async function token(context: Context, options: TokenOptions): Promise<number> {
  const loaded = loadForCommand(context);
  const { sharedSecret } = loaded.config.http;
  if (sharedSecret.isEmpty) {
    throw new CommandError(
      'tokens are off: set [http] shared-secret (16 bytes or more), then restart',
    );
  }
  const lifetimeMs = lifetimeOf(options.expires);
  const store = openStoreFor(context, loaded);
  try {
    if (store.get(options.user) === undefined) {
      throw new CommandError(`there is no user "${options.user}": kapgate users list shows all`);
    }
  } finally {
    await store.close();
  }
  const signed = await signToken(sharedSecret, options.user, Date.now(), lifetimeMs);
  context.terminal.out(`${signed}\n`);
  return EXIT.ok;
}

function lifetimeOf(text: string): number {
  const duration = parseDuration(text);
  if (duration !== undefined && duration >= 1000) return duration;
  throw new CommandError(
    `--expires ${JSON.stringify(text)}: allowed is a duration of at least 1s, like "30m", "12h" or "1h30m"`,
    EXIT.usage,
  );
}
