import type { Query } from '../kernel/query.ts';

/** A request that came without credentials, as far as the bootstrap looks at it. */
export interface BootstrapRequest {
  readonly method: string;
  /** Decoded and clean. */
  readonly path: string;
  readonly query: Query;
  /** The address of the TCP peer; undefined on a Unix socket. */
  readonly peer: string | undefined;
  /** The Host header; undefined where there is none. */
  readonly host: string | undefined;
  /** Of all headers, in any case. */
  readonly headerNames: Iterable<string>;
}

/** How things stand at the gateway when the request comes. */
export interface BootstrapState {
  /** `[auth] bootstrap`, and users are kept in the local store. */
  readonly enabled: boolean;
  readonly everHadAdmin: boolean;
  /** Milliseconds since the gateway started. */
  readonly elapsedMs: number;
  /** How many `trusted-proxies` are configured. */
  readonly trustedProxies: number;
}

export type BootstrapJudgement =
  | { readonly kind: 'open' }
  /** `why` is for the log. */
  | { readonly kind: 'closed'; readonly why: string };

/** Long enough to type the documented steps, short enough that a forgotten gate closes. */
export const BOOTSTRAP_WINDOW_MS = 15 * 60 * 1000;

/**
 * Judges whether a request without credentials may make the first admin: Kapacitor's documented first step, for
 * somebody on this very host and nobody else (docs/security.md). That its body says `"type":"admin"`, and that no
 * admin was made meanwhile, the users API judges once the body is read.
 */
export function judgeBootstrap(
  request: BootstrapRequest,
  state: BootstrapState,
): BootstrapJudgement {
  const why = objectionTo(request, state);
  return why === undefined ? { kind: 'open' } : { kind: 'closed', why };
}

function objectionTo(request: BootstrapRequest, state: BootstrapState): string | undefined {
  if (!state.enabled) return 'the bootstrap is off';
  if (state.everHadAdmin) return 'an admin was made before';
  if (state.trustedProxies > 0) return 'trusted-proxies is set: anybody could come through them';
  if (!(state.elapsedMs >= 0 && state.elapsedMs < BOOTSTRAP_WINDOW_MS)) {
    return 'the gateway started more than 15 minutes ago';
  }
  if (request.method !== 'POST' || request.path !== '/kapacitor/v1/users') {
    return 'only POST /kapacitor/v1/users makes the first admin';
  }
  if (request.query.length > 0) return 'the request has a query';
  if (!isLoopback(request.peer)) return 'the request does not come from this host';
  if (!isLocalHost(request.host)) return 'the Host header must be localhost, 127.0.0.1 or [::1]';
  const header = Array.from(request.headerNames, canonical).find(isForeign);
  return header === undefined ? undefined : `the request carries the header ${header}`;
}

/** A v4 address may come mapped into v6. */
const LOOPBACK = /^(?:::ffff:)?127(?:\.\d{1,3}){3}$|^::1$/i;

function isLoopback(peer: string | undefined): boolean {
  return peer !== undefined && LOOPBACK.test(peer);
}

const LOCAL_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/i;

function isLocalHost(host: string | undefined): boolean {
  return host !== undefined && LOCAL_HOST.test(host);
}

/** What a browser or a proxy adds, and credentials: with either it is not the plain request of the documentation. */
const FOREIGN = new Set([
  'authorization',
  'cookie',
  'forwarded',
  'origin',
  'proxy-authorization',
  'referer',
  'via',
  'x-real-ip',
]);

function isForeign(header: string): boolean {
  return (
    FOREIGN.has(header) || header.startsWith('sec-fetch-') || header.startsWith('x-forwarded-')
  );
}

/** Some proxies and servers read `_` and `.` in a header's name as `-`. */
function canonical(header: string): string {
  return header.toLowerCase().replace(/[_.]/g, '-');
}
