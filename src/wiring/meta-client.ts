import { signMetaToken } from '../authenticate/signed-token.ts';
import type { Config } from '../config/config.ts';
import { createMetaClient } from '../meta/client.ts';
import type { MetaClientOptions, MetaNodesClient } from '../meta/client.ts';

/**
 * A client of the meta nodes in a configuration; with `addresses` of only some of them, as `kapgate check` asks them.
 * @throws where a file of TLS cannot be used
 */
export function openMetaClient(
  { auth }: Pick<Config, 'auth'>,
  { now, onNodeChange }: Pick<MetaClientOptions, 'now' | 'onNodeChange'>,
  addresses: readonly string[] = auth.metaAddr,
): MetaNodesClient {
  const secret = auth.metaInternalSharedSecret;
  return createMetaClient({
    addresses,
    redirectsTo: auth.metaAddr,
    tls: auth.metaUseTls
      ? {
          ca: auth.metaCa,
          cert: auth.metaCert,
          key: auth.metaKey,
          insecureSkipVerify: auth.metaInsecureSkipVerify,
        }
      : undefined,
    username: auth.metaUsername,
    password: auth.metaPassword,
    signToken: secret.isEmpty
      ? undefined
      : (lifetimeMs) => signMetaToken(secret, now(), lifetimeMs),
    timeoutMs: auth.metaTimeoutMs,
    now,
    onNodeChange,
  });
}
