import { GatewayError } from '../kernel/errors.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Secret } from '../kernel/secret.ts';

/** The subscriptions of the local store, whichever directory users come from. */
export interface Subscriptions {
  /** Whose secret it is as things stand now; undefined: nobody's. @throws where the store cannot say */
  find(secret: Secret): Identity | undefined;
}

/** The name that stands for every subscription where nobody knows which one it is. */
export const SUBSCRIBER = '~subscriber';

/** A subscription, or Kapacitor's words for the refusal: it takes tokens for the names of users. */
type SubscriptionReading = Identity | { readonly refused: string };

/** Whose token it is: as password of `~subscriber`, in `u` and `p`, or in the path. @throws GatewayError directory-unavailable */
export function readSubscription(subscriptions: Subscriptions, token: Secret): SubscriptionReading {
  if (token.isEmpty) return { refused: 'token must be a valid username: ""' };
  try {
    return subscriptions.find(token) ?? { refused: 'invalid subscription token' };
  } catch (cause) {
    throw new GatewayError('directory-unavailable', { cause });
  }
}
