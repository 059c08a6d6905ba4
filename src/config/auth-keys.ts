import { MAX_STORED_COST } from '../kernel/bcrypt-hash.ts';
import type { AuthConfig } from './config.ts';
import { ADDRESSES } from './hosts.ts';
import type { KeysOf } from './key.ts';
import { FLAG, count, duration, list, secret, text } from './kinds.ts';

const section = 'auth';

/** The keys of [auth]. Names that Kapacitor has too mean the same there. */
export const AUTH_KEYS: KeysOf<AuthConfig> = {
  enabled: {
    section,
    name: 'enabled',
    meaning:
      'Whether there are users to check against. Off, it opens the gate together with [http] auth-enabled.',
    default: true,
    kind: FLAG,
  },
  cacheExpirationMs: {
    section,
    name: 'cache-expiration',
    meaning:
      'How long a verified password is remembered, and what a meta node said of a user or of roles.',
    default: '10m',
    kind: duration('nothing is remembered'),
  },
  bcryptCost: {
    section,
    name: 'bcrypt-cost',
    meaning: 'The cost of new password hashes; each step doubles the work.',
    default: 10,
    // bcrypt's least, and what a store may hold.
    kind: count(4, MAX_STORED_COST),
  },
  metaAddr: {
    section,
    name: 'meta-addr',
    meaning:
      'The InfluxDB Enterprise meta nodes that know the users; with any, local users count for nothing.',
    default: '',
    kind: ADDRESSES,
  },
  metaUsername: {
    section,
    name: 'meta-username',
    meaning: 'The user that the gateway itself is at the meta nodes.',
    default: '',
    kind: text('a user name'),
  },
  metaPassword: {
    section,
    name: 'meta-password',
    meaning: 'The password of that user.',
    default: '',
    kind: secret('a text'),
  },
  metaInternalSharedSecret: {
    section,
    name: 'meta-internal-shared-secret',
    meaning: 'The internal-shared-secret of the meta nodes, taken instead of user and password.',
    default: '',
    kind: secret('a text; "" = user and password'),
  },
  metaUseTls: {
    section,
    name: 'meta-use-tls',
    meaning: 'Whether the meta nodes are spoken to over TLS.',
    default: false,
    kind: FLAG,
  },
  metaCa: {
    section,
    name: 'meta-ca',
    meaning:
      'The authority in PEM that the meta nodes are checked against; read with meta-use-tls only.',
    default: '',
    kind: text('a path; "" = those of the system'),
  },
  metaCert: {
    section,
    name: 'meta-cert',
    meaning: 'The client certificate in PEM that is shown to the meta nodes.',
    default: '',
    kind: text('a path; "" = none'),
  },
  metaKey: {
    section,
    name: 'meta-key',
    meaning: 'The private key in PEM of meta-cert.',
    default: '',
    kind: text('a path; "" = none'),
  },
  metaInsecureSkipVerify: {
    section,
    name: 'meta-insecure-skip-verify',
    meaning:
      'Whether any certificate of a meta node is taken. Redirects then only lead to nodes in meta-addr.',
    default: false,
    kind: FLAG,
  },
  metaTimeoutMs: {
    section,
    name: 'meta-timeout',
    meaning: 'How long the meta nodes are asked, retries included.',
    default: '10s',
    kind: duration(),
  },
  metaStaleMs: {
    section,
    name: 'meta-stale',
    meaning: 'How long verified users go on past cache-expiration while no meta node answers.',
    default: '0s',
    kind: duration('not at all'),
  },
  metaAdmins: {
    section,
    name: 'meta-admins',
    meaning: 'Users of the meta nodes who may do all, by name or by a role that they are in.',
    default: [],
    kind: list('user names and role:NAME', (entry) =>
      entry === 'role:' ? 'the name of a role is missing behind "role:"' : undefined,
    ),
  },
  observe: {
    section,
    name: 'observe',
    meaning: 'A rehearsal: requests are judged, logged and counted, but all are forwarded.',
    default: false,
    kind: FLAG,
  },
  bootstrap: {
    section,
    name: 'bootstrap',
    meaning:
      'Whether the first admin can be made by a request from this machine (see docs/users.md).',
    default: true,
    kind: FLAG,
  },
};
