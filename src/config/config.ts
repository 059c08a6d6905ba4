import type { Secret } from '../kernel/secret.ts';

/** Where a server listens. An empty host is every address, as in Go's ":9092". */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** The gateway's configuration, whole and checked. Durations are in milliseconds, 0 where none applies. */
export interface Config {
  readonly http: HttpConfig;
  readonly auth: AuthConfig;
  readonly upstream: UpstreamConfig;
  readonly store: StoreConfig;
  readonly limits: LimitsConfig;
  readonly log: LogConfig;
  readonly admin: AdminConfig;
  readonly audit: AuditConfig;
}

/**
 * True where every request passes without credentials: both switches are off. One alone leaves it closed:
 * `[http] auth-enabled = false` with `[auth] enabled = true` is Kapacitor's documented bootstrap.
 */
export function gateIsOpen({ http, auth }: Pick<Config, 'http' | 'auth'>): boolean {
  return !http.authEnabled && !auth.enabled;
}

/** True where users are those of InfluxDB Enterprise's meta nodes: local users then count for nothing. */
export function usesMetaNodes({ auth }: Pick<Config, 'auth'>): boolean {
  return auth.metaAddr.length > 0;
}

/** The meta nodes by scheme, host and port. */
export function metaOriginsOf({ auth }: Pick<Config, 'auth'>): readonly string[] {
  return auth.metaAddr.map((address) => `${auth.metaUseTls ? 'https' : 'http'}://${address}`);
}

/** What must be said again and again while it lasts: the gate lets pass what it should not. */
export function warningsOf({ http, auth }: Pick<Config, 'http' | 'auth'>): readonly string[] {
  const open =
    'THE GATE IS OPEN: [http] auth-enabled and [auth] enabled are both false, every request passes without ' +
    'credentials (but for the users API)';
  const rehearsal =
    'THE GATE IS OPEN FOR A REHEARSAL: [auth] observe is true, every request is judged and logged, and passes ' +
    'whatever the verdict (but for the users API)';
  return [...(gateIsOpen({ http, auth }) ? [open] : []), ...(auth.observe ? [rehearsal] : [])];
}

export interface HttpConfig {
  readonly bindAddress: Address;
  readonly authEnabled: boolean;
  readonly logEnabled: boolean;
  readonly pingAuthEnabled: boolean;
  readonly sharedSecret: Secret;
  readonly httpsEnabled: boolean;
  readonly httpsCertificate: string;
  readonly httpsPrivateKey: string;
  readonly httpsClientCa: string;
  readonly httpsClientAuth: 'optional' | 'require';
  readonly unixSocket: string;
  readonly shutdownTimeoutMs: number;
  readonly challenge: 'auto' | boolean;
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
  readonly workers: number;
}

export interface AuthConfig {
  readonly enabled: boolean;
  readonly cacheExpirationMs: number;
  readonly bcryptCost: number;
  /** HOST:PORT each; empty where the users are local. */
  readonly metaAddr: readonly string[];
  readonly metaUsername: string;
  readonly metaPassword: Secret;
  readonly metaInternalSharedSecret: Secret;
  readonly metaUseTls: boolean;
  readonly metaCa: string;
  readonly metaCert: string;
  readonly metaKey: string;
  readonly metaInsecureSkipVerify: boolean;
  readonly metaTimeoutMs: number;
  readonly metaStaleMs: number;
  readonly metaAdmins: readonly string[];
  readonly observe: boolean;
  readonly bootstrap: boolean;
}

export interface UpstreamConfig {
  /** Origin only: scheme, host, port. */
  readonly url: string;
  readonly connectTimeoutMs: number;
  readonly responseTimeoutMs: number;
  readonly maxConnections: number;
  readonly ca: string;
  readonly insecureSkipVerify: boolean;
}

export interface StoreConfig {
  readonly path: string;
}

export interface LimitsConfig {
  readonly maxHeaderBytes: number;
  readonly headerTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly bodyIdleTimeoutMs: number;
  readonly maxConnections: number;
  readonly loginFailures: { readonly count: number; readonly perMs: number };
  readonly maxUsersBody: number;
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly format: 'logfmt' | 'json';
  readonly file: string;
}

export interface AdminConfig {
  /** Undefined where the admin listener is off (`bind-address = ""`). */
  readonly bindAddress: Address | undefined;
}

export interface AuditConfig {
  readonly file: string;
  readonly reads: boolean;
}
