import type { CertificateReading } from '../kernel/client-certificate.ts';
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
  | {
      readonly kind: 'bearer';
      readonly token: Secret;
      /** Whom the client certificate names: the token must name the same. */
      readonly certificate?: string;
    }
  | { readonly kind: 'subscription'; readonly token: Secret }
  /** A subscription's path, and something else beside it: whom to believe is nobody's to guess. */
  | { readonly kind: 'two' }
  /** The name in a client certificate whose authority was verified. */
  | { readonly kind: 'certificate'; readonly name: string }
  /** A client certificate that proves nobody; `why` is in the client's words. */
  | { readonly kind: 'certificate-refused'; readonly why: string }
  /** A client certificate, and something else beside it that names another user. */
  | { readonly kind: 'certificate-differs'; readonly name: string };

/** The user name that InfluxDB subscriptions made by Kapacitor send, with a token as password. */
const SUBSCRIBER = '~subscriber';

const NONE: Credentials = { kind: 'none' };
const UNREADABLE: Credentials = { kind: 'unreadable' };
const TWO: Credentials = { kind: 'two' };

/**
 * What a client says: the credentials of its request, and its client certificate. A certificate that is not accepted is
 * never passed over, and beside one that is, other credentials must be right and name the same user.
 *
 * @param authorization the header's value, "" or undefined where there is none
 * @param fromPath the secret of a subscription's path: the credential itself, which suffers no other beside it
 */
export function readCredentials(
  authorization: string | undefined,
  query: Query,
  fromPath?: Secret,
  certificate?: CertificateReading,
): Credentials {
  const said = readRequest(authorization, query, fromPath);
  if (certificate === undefined) return said;
  return certificate.kind === 'refused'
    ? { kind: 'certificate-refused', why: certificate.why }
    : besideCertificate(certificate.name, said);
}

function besideCertificate(name: string, said: Credentials): Credentials {
  switch (said.kind) {
    case 'none':
      return { kind: 'certificate', name };
    case 'bearer':
      return { ...said, certificate: name };
    case 'password':
      return said.name === name ? said : { kind: 'certificate-differs', name };
    case 'subscription':
      return { kind: 'certificate-differs', name };
    case 'unreadable':
    case 'two':
    case 'certificate':
    case 'certificate-refused':
    case 'certificate-differs':
      return said;
  }
}

/**
 * Reads credentials in Kapacitor's order: the Authorization header first; query `u` and `p` only where it is absent
 * or has a scheme that Kapacitor does not know. A known scheme that cannot be read is never passed over.
 * Source: kapacitor services/httpd/handler.go parseCredentials.
 */
function readRequest(
  authorization: string | undefined,
  query: Query,
  fromPath: Secret | undefined,
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
