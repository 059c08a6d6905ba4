import { rememberNames } from '../kernel/header-names.ts';

/** What the upstream is told about the request beyond what the client sent. */
export interface RequestFacts {
  readonly clientAddress: string;
  readonly https: boolean;
  readonly requestId: string;
  /** The authenticated user, `""` where nobody needed to be. */
  readonly user: string;
  /** Kapacitor gzips the answers of preview paths twice: they are asked for plain. */
  readonly dropAcceptEncoding: boolean;
}

/** RFC 9110 §7.6.1, and what was used for the same before it. */
const HOP_BY_HOP = [
  'connection',
  // It is said anew with the body.
  'content-length',
  'keep-alive',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Who somebody is, as other gateways tell it: from a client it is a lie. */
const IDENTITY_CLAIMS = [
  'authorization',
  'proxy-user',
  'x-auth-user',
  'x-authenticated-user',
  'x-kapacitor-user',
  'x-proxy-user',
  'x-user',
];

/** Families of them (oauth2-proxy, Authelia, Grafana, Kubernetes), and of what we set ourselves. */
const CLAIM_PREFIXES = ['remote-', 'x-auth-request-', 'x-forwarded-', 'x-remote-', 'x-webauth-'];

/** Where a request comes from or was meant to go: set anew, or nobody's business upstream. */
const ROUTE_CLAIMS = [
  'expect',
  'forwarded',
  'host',
  'origin',
  // The page that it names may have had u and p in its query, and Kapacitor logs it.
  'referer',
  'request-id',
  'x-http-method-override',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-real-ip',
  'x-rewrite-url',
];

const DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...IDENTITY_CLAIMS, ...ROUTE_CLAIMS]);

/**
 * The headers that go upstream, name and value in turn: the client's without those that only we may say,
 * then ours. The upstream reads `X_Forwarded_User` and `X.Forwarded.User` as ours too: such aliases go as well.
 *
 * @param rawHeaders name and value in turn, as the client sent them
 */
export function requestHeaders(rawHeaders: readonly string[], facts: RequestFacts): string[] {
  const named = namedInConnection(rawHeaders);
  const headers: string[] = [];
  let host = '';
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const { lower, fate } = judgeName(name);
    if (lower === 'host') host = value;
    if (fate === 'dropped' || named.has(lower)) continue;
    if (fate === 'accept-encoding' && facts.dropAcceptEncoding) continue;
    headers.push(name, value);
  }
  headers.push('X-Forwarded-For', facts.clientAddress);
  headers.push('X-Forwarded-Proto', facts.https ? 'https' : 'http');
  if (host !== '') headers.push('X-Forwarded-Host', host);
  if (facts.user !== '') headers.push('X-Forwarded-User', encodeURIComponent(facts.user));
  headers.push('Request-Id', facts.requestId);
  return headers;
}

interface JudgedName {
  readonly lower: string;
  /** `framing` was checked, and must arrive whatever Connection names. */
  readonly fate: 'passed' | 'dropped' | 'framing' | 'accept-encoding';
}

const judgeName = rememberNames((name): JudgedName => {
  const lower = name.toLowerCase();
  const canonical = lower.replace(/[_.]/g, '-');
  if (canonical === 'accept-encoding') return { lower, fate: 'accept-encoding' };
  const isDropped =
    DROPPED.has(canonical) || CLAIM_PREFIXES.some((prefix) => canonical.startsWith(prefix));
  return { lower, fate: isDropped ? 'dropped' : 'passed' };
});

const NONE: ReadonlySet<string> = new Set();

const isConnection = rememberNames((name) => name.toLowerCase() === 'connection');

/** The header names that `Connection` lists, in lower case: they are for the next hop only. */
export function namedInConnection(rawHeaders: readonly string[]): ReadonlySet<string> {
  let named: Set<string> | undefined;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    if (!isConnection(rawHeaders[index] ?? '')) continue;
    const value = rawHeaders[index + 1] ?? '';
    if (value === 'keep-alive' || value === 'close') continue;
    named ??= new Set();
    for (const token of value.split(',')) {
      named.add(token.trim().toLowerCase());
    }
  }
  return named ?? NONE;
}
