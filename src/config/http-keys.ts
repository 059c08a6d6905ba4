import { UNIX_PEER, refusedNetwork } from '../kernel/networks.ts';
import type { HttpConfig } from './config.ts';
import type { KeysOf } from './key.ts';
import { refusedOrigin } from './hosts.ts';
import { ADDRESS, CHALLENGE, FLAG, choice, count, duration, list, secret, text } from './kinds.ts';

/** The shortest key that HMAC-SHA-256 is taken with: 128 bits. */
const MIN_SHARED_SECRET_BYTES = 16;

const section = 'http';

function refusedProxy(entry: string): string | undefined {
  return entry === UNIX_PEER ? undefined : refusedNetwork(entry);
}

/** The keys of [http]. Names that Kapacitor has too mean the same there. */
export const HTTP_KEYS: KeysOf<HttpConfig> = {
  bindAddress: {
    section,
    name: 'bind-address',
    meaning: 'Where the gateway listens: the address that clients had for Kapacitor.',
    default: ':9092',
    kind: ADDRESS,
  },
  authEnabled: {
    section,
    name: 'auth-enabled',
    meaning:
      'Whether requests need credentials. Only both this and [auth] enabled = false open the gate.',
    default: true,
    kind: FLAG,
  },
  logEnabled: {
    section,
    name: 'log-enabled',
    meaning: 'Whether each request is a line in the log.',
    default: true,
    kind: FLAG,
  },
  pingAuthEnabled: {
    section,
    name: 'ping-auth-enabled',
    meaning: 'Whether /ping needs credentials; load balancers often have none.',
    default: true,
    kind: FLAG,
  },
  sharedSecret: {
    section,
    name: 'shared-secret',
    meaning: 'The key that Bearer tokens are signed with. Bearer is off while it is empty.',
    default: '',
    kind: secret(
      `a text of ${MIN_SHARED_SECRET_BYTES} bytes or more; "" = off`,
      MIN_SHARED_SECRET_BYTES,
    ),
  },
  httpsEnabled: {
    section,
    name: 'https-enabled',
    meaning: 'Whether the gateway speaks HTTPS to its clients.',
    default: false,
    kind: FLAG,
  },
  httpsCertificate: {
    section,
    name: 'https-certificate',
    meaning:
      'The certificate in PEM, its chain behind it; read only with https-enabled, and again when the file changes.',
    default: '/etc/ssl/kapacitor.pem',
    kind: text('a path'),
  },
  httpsPrivateKey: {
    section,
    name: 'https-private-key',
    meaning:
      'The private key in PEM, where it is not in the file of the certificate; not encrypted.',
    default: '',
    kind: text('a path; "" = in the file of the certificate'),
  },
  httpsClientCa: {
    section,
    name: 'https-client-ca',
    meaning:
      'The authority in PEM whose client certificates are accepted: the name in one (CN, else a DNS name or mail ' +
      'address) is that of a user, who then needs no password.',
    default: '',
    kind: text('a path; "" = none'),
  },
  httpsClientAuth: {
    section,
    name: 'https-client-auth',
    meaning: 'Whether a client certificate is demanded, where there is a https-client-ca.',
    default: 'optional',
    kind: choice('optional', 'require'),
  },
  unixSocket: {
    section,
    name: 'unix-socket',
    meaning:
      'A Unix socket to listen on as well, for owner and group; plain HTTP, also with https-enabled.',
    default: '',
    kind: text('a path; "" = none'),
  },
  shutdownTimeoutMs: {
    section,
    name: 'shutdown-timeout',
    meaning: 'How long requests under way may go on after SIGTERM.',
    default: '10s',
    kind: duration('they are cut at once'),
  },
  challenge: {
    section,
    name: 'challenge',
    meaning:
      'Whether a 401 carries WWW-Authenticate; "auto": not for browsers, which would ask for a login.',
    default: 'auto',
    kind: CHALLENGE,
  },
  allowedOrigins: {
    section,
    name: 'allowed-origins',
    meaning: 'Web pages of these origins may read answers (CORS), and send what changes something.',
    default: [],
    kind: list('origins, like "https://chronograf.example.com"', refusedOrigin),
  },
  trustedProxies: {
    section,
    name: 'trusted-proxies',
    meaning: 'Proxies whose X-Forwarded-For is believed; "unix": whoever comes by a Unix socket.',
    default: [],
    kind: list('addresses, networks like "10.0.0.0/8", or "unix"', refusedProxy),
  },
  workers: {
    section,
    name: 'workers',
    meaning:
      'How many processes serve requests. More than one: as many as there are processors for it, and one more keeps ' +
      'the sockets.',
    default: 1,
    kind: count(1, 64),
  },
};
