import type {
  AdminConfig,
  AuditConfig,
  LimitsConfig,
  LogConfig,
  StoreConfig,
  UpstreamConfig,
} from './config.ts';
import { ORIGIN } from './hosts.ts';
import type { KeysOf } from './key.ts';
import { ADDRESS_OR_OFF, FLAG, RATE, choice, count, duration, text } from './kinds.ts';

const MIB = 1_048_576;

/** The keys of [upstream]. */
export const UPSTREAM_KEYS: KeysOf<UpstreamConfig> = {
  url: {
    section: 'upstream',
    name: 'url',
    meaning: 'Where Kapacitor is: an address that nobody but the gateway reaches.',
    default: 'http://127.0.0.1:9192',
    kind: ORIGIN,
  },
  connectTimeoutMs: {
    section: 'upstream',
    name: 'connect-timeout',
    meaning: 'How long a connection to Kapacitor may take to be made.',
    default: '5s',
    kind: duration(),
  },
  responseTimeoutMs: {
    section: 'upstream',
    name: 'response-timeout',
    meaning: 'How long Kapacitor may take until the head of its answer.',
    default: '5m',
    kind: duration('no limit'),
  },
  maxConnections: {
    section: 'upstream',
    name: 'max-connections',
    meaning: 'How many connections to Kapacitor there are at most.',
    default: 256,
    kind: count(1, 65_535),
  },
  ca: {
    section: 'upstream',
    name: 'ca',
    meaning: 'The authority in PEM that Kapacitor is checked against, where its url is https.',
    default: '',
    kind: text('a path; "" = those of the system'),
  },
  insecureSkipVerify: {
    section: 'upstream',
    name: 'insecure-skip-verify',
    meaning: 'Whether any certificate of Kapacitor is taken.',
    default: false,
    kind: FLAG,
  },
};

/** The keys of [store]. */
export const STORE_KEYS: KeysOf<StoreConfig> = {
  path: {
    section: 'store',
    name: 'path',
    meaning: 'The directory of the local users and subscriptions.',
    default: '/var/lib/kapgate',
    kind: text('a path', { empty: false }),
  },
};

/** The keys of [limits]. */
export const LIMITS_KEYS: KeysOf<LimitsConfig> = {
  maxHeaderBytes: {
    section: 'limits',
    name: 'max-header-bytes',
    meaning: 'The longest head of a request.',
    default: 65_536,
    kind: count(1024, MIB, 'bytes'),
  },
  headerTimeoutMs: {
    section: 'limits',
    name: 'header-timeout',
    meaning: 'How long the head of a request may take to arrive.',
    default: '10s',
    kind: duration(),
  },
  idleTimeoutMs: {
    section: 'limits',
    name: 'idle-timeout',
    meaning:
      'How long a connection may wait for its next request. Long: Go clients lose a write that meets the end.',
    default: '1h',
    kind: duration('for ever'),
  },
  bodyIdleTimeoutMs: {
    section: 'limits',
    name: 'body-idle-timeout',
    meaning: 'How long a client may neither send its body on nor read its answer on.',
    default: '60s',
    kind: duration('for ever'),
  },
  maxConnections: {
    section: 'limits',
    name: 'max-connections',
    meaning: 'How many connections of clients there are at most.',
    default: 10_000,
    kind: count(1, 1_000_000),
  },
  loginFailures: {
    section: 'limits',
    name: 'login-failures',
    meaning: 'How many failed logins an address and name have, before they must wait.',
    default: '10 per 1m',
    kind: RATE,
  },
  maxUsersBody: {
    section: 'limits',
    name: 'max-users-body',
    meaning: 'The longest body of a request to the users API.',
    default: 65_536,
    kind: count(1024, 16 * MIB, 'bytes'),
  },
};

/** The keys of [log]. */
export const LOG_KEYS: KeysOf<LogConfig> = {
  level: {
    section: 'log',
    name: 'level',
    meaning: 'The least important lines that are logged.',
    default: 'info',
    kind: choice('debug', 'info', 'warn', 'error'),
  },
  format: {
    section: 'log',
    name: 'format',
    meaning: 'How a line is written.',
    default: 'logfmt',
    kind: choice('logfmt', 'json'),
  },
  file: {
    section: 'log',
    name: 'file',
    meaning: 'A file that lines are appended to.',
    default: '',
    kind: text('a path; "" = standard error'),
  },
};

/** The keys of [admin]. */
export const ADMIN_KEYS: KeysOf<AdminConfig> = {
  bindAddress: {
    section: 'admin',
    name: 'bind-address',
    meaning: 'Where /metrics, /healthz and /readyz are served.',
    default: '127.0.0.1:9193',
    kind: ADDRESS_OR_OFF,
  },
};

/** The keys of [audit]. */
export const AUDIT_KEYS: KeysOf<AuditConfig> = {
  file: {
    section: 'audit',
    name: 'file',
    meaning: 'A file that each decision is appended to.',
    default: '',
    kind: text('a path; "-" = standard output; "" = none'),
  },
  reads: {
    section: 'audit',
    name: 'reads',
    meaning: 'Whether allowed reads are in it too.',
    default: false,
    kind: FLAG,
  },
};
