import { goQuote } from '../kernel/go-text.ts';
import type { Secret } from '../kernel/secret.ts';
import { MetaFault } from './fault.ts';

/** Who the gateway itself is at the meta nodes. */
export interface OwnUserOptions {
  readonly username: string;
  readonly password: Secret;
  /** Where the internal shared secret is set: signs a token that lives that long. It is then taken instead of the user. */
  readonly signToken: ((lifetimeMs: number) => Promise<string>) | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export interface OwnUser {
  /** The value of the Authorization header; undefined where the nodes are asked without one. */
  authorization(): Promise<string | undefined>;
  /** 401: the node does not know who asks. */
  unknownTo(node: string): MetaFault;
  /** 403: it does, and that is not enough. */
  refusedBy(node: string): MetaFault;
}

/** As Kapacitor's. Source: kapacitor services/auth/meta/client.go setAuth. */
const TOKEN_LIFETIME_MS = 5 * 60_000;
/** A token is used for a part of its life only: the node's clock may be ahead. */
const TOKEN_USE_MS = 60_000;

export function createOwnUser(options: OwnUserOptions): OwnUser {
  const { title, check } = wordsFor(options);
  return {
    authorization: createAuthorization(options),
    unknownTo: (node) =>
      new MetaFault('credentials', `meta node ${node} does not take ${title}: ${check}`),
    refusedBy: (node) =>
      new MetaFault(
        'forbidden',
        `meta node ${node} does not let ${title} read users and roles: give it the permission to, or use another`,
      ),
  };
}

function createAuthorization({
  username,
  password,
  signToken,
  now,
}: OwnUserOptions): () => Promise<string | undefined> {
  if (signToken !== undefined) return createBearer(signToken, now);
  const pair = `${username}:${password.reveal()}`;
  const basic = pair === ':' ? undefined : `Basic ${Buffer.from(pair).toString('base64')}`;
  return () => Promise.resolve(basic);
}

function createBearer(
  signToken: (lifetimeMs: number) => Promise<string>,
  now: () => number,
): () => Promise<string> {
  let token: Promise<string> | undefined;
  let madeAtMs = 0;
  return async () => {
    const ageMs = now() - madeAtMs;
    if (token === undefined || ageMs < 0 || ageMs >= TOKEN_USE_MS) {
      madeAtMs = now();
      token = signToken(TOKEN_LIFETIME_MS);
    }
    return `Bearer ${await token}`;
  };
}

function wordsFor({ username, password, signToken }: OwnUserOptions): {
  readonly title: string;
  readonly check: string;
} {
  if (signToken !== undefined) {
    return {
      title: "the gateway's token",
      check: 'check meta-internal-shared-secret, and the clocks of both machines',
    };
  }
  if (username === '' && password.isEmpty) {
    return {
      title: 'the gateway without a user of its own',
      check: 'set meta-username and meta-password, or meta-internal-shared-secret',
    };
  }
  return {
    title: `the gateway's own user ${goQuote(username)}`,
    check: 'check meta-username and meta-password',
  };
}
