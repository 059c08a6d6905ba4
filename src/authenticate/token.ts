import { createSecretKey } from 'node:crypto';
import type { Secret } from '../kernel/secret.ts';

/** Whom a token names, or why it is refused in Kapacitor's words. */
export type TokenReading = { readonly name: string } | { readonly refused: string };

export interface Tokens {
  read(token: Secret): Promise<TokenReading>;
}

/**
 * Reads bearer tokens signed with `[http] shared-secret`; with an empty secret every token is refused: in Kapacitor
 * anyone can sign one then.
 */
export function createTokens(sharedSecret: Secret, now: () => number): Tokens {
  if (sharedSecret.isEmpty) {
    return { read: () => Promise.resolve({ refused: 'authorization failed' }) };
  }
  const key = createSecretKey(sharedSecret.reveal(), 'utf8');
  // A twentieth of what a start takes: only where there is a secret. Then at once: later there may be a moment in which
  // no file can be opened.
  const loading = import('./signed-token.ts');
  loading.catch(() => undefined);
  return { read: async (token) => (await loading).readToken(token.reveal(), key, now()) };
}
