import { cleanPath, encodePath } from './path.ts';
import { readQuery, writeQuery } from './query.ts';
import type { Query } from './query.ts';
import type { Secret } from './secret.ts';
import { isSubscriptionPath, readSubscriptionPath } from './subscription-path.ts';

/** The methods that Kapacitor routes; to every other it answers 404 (services/httpd/handler.go). */
export type Method = 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';

const METHODS: ReadonlySet<string> = new Set<Method>([
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
]);

/** A request's method and target, read once. What is judged and what is sent is this one value. */
export interface Target {
  readonly method: Method;
  /** Decoded once and clean, as Kapacitor's mux sees it. */
  readonly path: string;
  /** Decoded, with the credentials `u` and `p` still in it. */
  readonly query: Query;
  /** What goes upstream: path and query encoded anew, without `u` and `p`. */
  readonly sent: string;
  /** The secret that stood in a path below `/sub`: a credential, and no part of what is judged and sent. */
  readonly subscription?: Secret | undefined;
}

export type TargetReading =
  | { readonly kind: 'target'; readonly target: Target }
  /** Kapacitor's mux would redirect to the clean path: so do we, before anything else is looked at. */
  | { readonly kind: 'redirect'; readonly location: string }
  | { readonly kind: 'unknown-method' }
  | { readonly kind: 'refused'; readonly why: string };

/** Anything but the visible ASCII characters, and the two that proxies and servers read differently. */
const FORBIDDEN_RAW = /[^\x21-\x7e]|[#\\]/;
/** `/ \ % ? #` or a control character behind an escape: what decodes to a separator in one place stays text in another. */
const FORBIDDEN_ESCAPES = /%(?:2[35f]|3f|5c|7f|[01][0-9a-f]|c2%[89][0-9a-f])/i;

/** Reads the method and the request-target of a request line (RFC 9112 §3.2.1, origin form only). */
export function readTarget(method: string, raw: string): TargetReading {
  if (!isKnownMethod(method)) return { kind: 'unknown-method' };
  if (!raw.startsWith('/'))
    return refused('the request target must be a path that begins with "/"');
  if (FORBIDDEN_RAW.test(raw)) {
    return refused(
      'the request target holds "#", "\\" or a character that must be percent-encoded',
    );
  }
  const mark = raw.indexOf('?');
  const rawPath = mark < 0 ? raw : raw.slice(0, mark);
  const rawQuery = mark < 0 ? '' : raw.slice(mark + 1);

  const decoded = decodePath(rawPath);
  if (decoded === undefined) {
    return refused(
      'the path holds a bad percent escape, invalid UTF-8, or an encoded / \\ % ? # or control character',
    );
  }
  const query = readQuery(rawQuery);
  if ('refused' in query) return refused(query.refused);

  const path = cleanPath(decoded);
  if (isSubscriptionPath(path) || isSubscriptionPath(decoded)) {
    // A redirect would repeat the secret.
    if (path !== decoded) return refused('the path of a subscription holds "//" or dots');
    return { kind: 'target', target: subscriptionTarget(method, path, query) };
  }
  if (path !== decoded) {
    return { kind: 'redirect', location: redirectTo(path, mark < 0 ? '' : `?${rawQuery}`) };
  }
  return { kind: 'target', target: targetOf(method, path, query) };
}

function subscriptionTarget(method: Method, raw: string, query: Query): Target {
  const { secret, path } = readSubscriptionPath(method, raw);
  return targetOf(method, path, query, secret);
}

function targetOf(method: Method, path: string, query: Query, subscription?: Secret): Target {
  const sent = encodePath(path) + writeQuery(withoutCredentials(query));
  return { method, path, query, sent, subscription };
}

/** The place as Kapacitor writes it: `;` bare, the query as it came. */
function redirectTo(path: string, search: string): string {
  return encodePath(path).replaceAll('%3B', ';') + search;
}

function refused(why: string): TargetReading {
  return { kind: 'refused', why };
}

function isKnownMethod(method: string): method is Method {
  return METHODS.has(method);
}

/** One decoding, as Go's url.setPath; undefined where it is refused. */
function decodePath(raw: string): string | undefined {
  if (!raw.includes('%')) return raw;
  if (FORBIDDEN_ESCAPES.test(raw)) return undefined;
  try {
    return decodeURIComponent(raw);
  } catch {
    return undefined;
  }
}

function withoutCredentials(query: Query): Query {
  return query.filter(({ name }) => name !== 'u' && name !== 'p');
}
