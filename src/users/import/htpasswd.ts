import { readHash } from '../../kernel/bcrypt-hash.ts';
import type { ImportEntry, Reading } from './reading.ts';

/**
 * Reads a password file of Apache or nginx: `NAME:HASH` a line, what stands behind another colon is ignored. It says
 * nothing of permissions. Source: httpd modules/aaa/mod_authn_file.c, nginx ngx_http_auth_basic_module.c.
 */
export function readHtpasswd(text: string): Reading {
  const entries: ImportEntry[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) continue;
    entries.push(readLine(trimmed, index + 1));
  }
  return { entries, notes: [] };
}

function readLine(line: string, at: number): ImportEntry {
  const [name = '', stored] = line.split(':');
  // Without a colon, nobody knows whether the line is a name or a password.
  if (stored === undefined) return { at, refused: 'the line is not NAME:HASH' };
  const hash = readHash(stored);
  return hash === undefined ? { at, name, refused: refusalOf(stored) } : { at, name, hash };
}

const INSTEAD = 'only bcrypt can be taken over: set the password anew, here or with htpasswd -B';

/** By their beginnings; the rest of a hash is never told. */
const KINDS: readonly (readonly [beginning: RegExp, kind: string])[] = [
  [/^$/, 'no password'],
  [/^\$apr1\$/, "Apache's MD5 ($apr1$)"],
  [/^\{SHA\}/i, 'SHA-1 ({SHA})'],
  [/^\{SSHA\}/i, 'salted SHA-1 ({SSHA})'],
  [/^\{PLAIN\}/i, 'a password in clear ({PLAIN})'],
  [/^\$1\$/, 'MD5 crypt ($1$)'],
  [/^\$5\$/, 'SHA-256 crypt ($5$)'],
  [/^\$6\$/, 'SHA-512 crypt ($6$)'],
  [/^\$2[abxy]?\$/, 'bcrypt, but damaged or of a kind that is not known to be sound'],
  [/^\$argon2/, 'Argon2'],
  [/^\$7?y?\$/, 'yescrypt or scrypt'],
  [/^[./A-Za-z0-9]{13}$/, 'crypt of old (DES), or a password in clear'],
];

function refusalOf(stored: string): string {
  const kind = KINDS.find(([beginning]) => beginning.test(stored))?.[1];
  return `it has ${kind ?? 'a password in clear, or a hash of an unknown kind'}; ${INSTEAD}`;
}
