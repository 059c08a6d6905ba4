import { Secret } from '../kernel/secret.ts';
import { firstValue } from '../kernel/query.ts';
import type { Query } from '../kernel/query.ts';
import { readBasic } from './basic.ts';

/** What a client says about who it is. Nothing here is believed yet. */
export type Credentials =
  | { readonly kind: 'none' }
  | { readonly kind: 'unreadable' }
  | {
      readonly kind: 'password';
      readonly name: string;
      readonly password: Secret;
      readonly via: 'basic' | 'query';
    }
  | { readonly kind: 'bearer'; readonly token: Secret }
  | { readonly kind: 'subscription'; readonly token: Secret }
  /** A subscription's path, and something else beside it: whom to believe is nobody's to guess. */
  | { readonly kind: 'two' };

/** The user name that InfluxDB subscriptions made by Kapacitor send, with a token as password. */
const SUBSCRIBER = '~subscriber';

const NONE: Credentials = { kind: 'none' };
const UNREADABLE: Credentials = { kind: 'unreadable' };
const TWO: Credentials = { kind: 'two' };

/**
 * Reads credentials in Kapacitor's order: the Authorization header first; query `u` and `p` only where it is absent
 * or has a scheme that Kapacitor does not know. A known scheme that cannot be read is never passed over.
 * Source: kapacitor services/httpd/handler.go parseCredentials.
 *
 * @param authorization the header's value, "" or undefined where there is none
 * @param fromPath the secret of a subscription's path: the credential itself, which suffers no other beside it
 */
export function readCredentials(
  authorization: string | undefined,
  query: Query,
  fromPath?: Secret,
): Credentials {
  if (fromPath !== undefined) {
    const isAlone = (authorization ?? '') === '' && !query.some(isCredential);
    return isAlone ? { kind: 'subscription', token: fromPath } : TWO;
  }
  if (authorization === undefined || authorization === '') return fromQuery(query);
  if (authorization.startsWith('Bearer ')) {
    return { kind: 'bearer', token: new Secret(authorization.slice('Bearer '.length)) };
  }
  if (!/^basic(?:[\t ]|$)/i.test(authorization)) return orUnreadable(fromQuery(query));
  const basic = readBasic(authorization);
  if (basic === undefined) return UNREADABLE;
  return byName(basic.name, basic.password, 'basic');
}

function byName(name: string, password: Secret, via: 'basic' | 'query'): Credentials {
  return name === SUBSCRIBER
    ? { kind: 'subscription', token: password }
    : { kind: 'password', name, password, via };
}

function isCredential({ name }: Query[number]): boolean {
  return name === 'u' || name === 'p';
}

function fromQuery(query: Query): Credentials {
  const name = firstValue(query, 'u');
  const password = firstValue(query, 'p');
  if (name === '' || password === '') return NONE;
  return byName(name, new Secret(password), 'query');
}

function orUnreadable(credentials: Credentials): Credentials {
  return credentials.kind === 'none' ? UNREADABLE : credentials;
}
