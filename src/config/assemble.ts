import type { AuthConfig, Config, HttpConfig, LimitsConfig, UpstreamConfig } from './config.ts';
import { DEFAULTS } from './defaults.ts';
import type { Reader } from './reader.ts';

type Read = Reader['read'];

/** Fills every field of the configuration from its key. */
export function assemble(read: Read): Config {
  const { store, log, admin, audit } = DEFAULTS;
  return {
    http: assembleHttp(read),
    auth: assembleAuth(read),
    upstream: assembleUpstream(read),
    store: { path: read(store.path) },
    limits: assembleLimits(read),
    log: { level: read(log.level), format: read(log.format), file: read(log.file) },
    admin: { bindAddress: read(admin.bindAddress) },
    audit: { file: read(audit.file), reads: read(audit.reads) },
  };
}

function assembleHttp(read: Read): HttpConfig {
  const keys = DEFAULTS.http;
  return {
    bindAddress: read(keys.bindAddress),
    authEnabled: read(keys.authEnabled),
    logEnabled: read(keys.logEnabled),
    pingAuthEnabled: read(keys.pingAuthEnabled),
    sharedSecret: read(keys.sharedSecret),
    httpsEnabled: read(keys.httpsEnabled),
    httpsCertificate: read(keys.httpsCertificate),
    httpsPrivateKey: read(keys.httpsPrivateKey),
    httpsClientCa: read(keys.httpsClientCa),
    httpsClientAuth: read(keys.httpsClientAuth),
    unixSocket: read(keys.unixSocket),
    shutdownTimeoutMs: read(keys.shutdownTimeoutMs),
    challenge: read(keys.challenge),
    allowedOrigins: read(keys.allowedOrigins),
    trustedProxies: read(keys.trustedProxies),
    workers: read(keys.workers),
  };
}

function assembleAuth(read: Read): AuthConfig {
  const keys = DEFAULTS.auth;
  return {
    enabled: read(keys.enabled),
    cacheExpirationMs: read(keys.cacheExpirationMs),
    bcryptCost: read(keys.bcryptCost),
    metaAddr: read(keys.metaAddr),
    metaUsername: read(keys.metaUsername),
    metaPassword: read(keys.metaPassword),
    metaInternalSharedSecret: read(keys.metaInternalSharedSecret),
    metaUseTls: read(keys.metaUseTls),
    metaCa: read(keys.metaCa),
    metaCert: read(keys.metaCert),
    metaKey: read(keys.metaKey),
    metaInsecureSkipVerify: read(keys.metaInsecureSkipVerify),
    metaTimeoutMs: read(keys.metaTimeoutMs),
    metaStaleMs: read(keys.metaStaleMs),
    metaAdmins: read(keys.metaAdmins),
    observe: read(keys.observe),
    bootstrap: read(keys.bootstrap),
  };
}

function assembleUpstream(read: Read): UpstreamConfig {
  const keys = DEFAULTS.upstream;
  return {
    url: read(keys.url),
    connectTimeoutMs: read(keys.connectTimeoutMs),
    responseTimeoutMs: read(keys.responseTimeoutMs),
    maxConnections: read(keys.maxConnections),
    ca: read(keys.ca),
    insecureSkipVerify: read(keys.insecureSkipVerify),
  };
}

function assembleLimits(read: Read): LimitsConfig {
  const keys = DEFAULTS.limits;
  return {
    maxHeaderBytes: read(keys.maxHeaderBytes),
    headerTimeoutMs: read(keys.headerTimeoutMs),
    idleTimeoutMs: read(keys.idleTimeoutMs),
    bodyIdleTimeoutMs: read(keys.bodyIdleTimeoutMs),
    maxConnections: read(keys.maxConnections),
    loginFailures: read(keys.loginFailures),
    maxUsersBody: read(keys.maxUsersBody),
  };
}
