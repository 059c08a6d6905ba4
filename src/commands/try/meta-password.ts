import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { createPasswords } from '../../authenticate/password.ts';
import { Secret } from '../../kernel/secret.ts';
import type { KeptPassword } from './meta-state.ts';

/** How a meta node keeps passwords: `[meta] password-hash`, or not at all (LDAP). */
export type MetaHashing = 'bcrypt' | 'pbkdf2-sha256' | 'pbkdf2-sha512' | 'ldap';

/** What a meta node does with passwords. */
export interface MetaPasswords {
  keep(password: string, hashing?: MetaHashing): Promise<KeptPassword>;
  isRight(password: string, kept: KeptPassword): Promise<boolean>;
}

const ROUNDS = 29_000;
const SALT_BYTES = 16;
const LENGTHS = { sha256: 32, sha512: 64 } as const;
const PBKDF2 = /^\$pbkdf2-(sha256|sha512)\$(\d+)\$([./A-Za-z0-9]+)\$([./A-Za-z0-9]+)$/;

/** @param cost of bcrypt hashes */
export function createMetaPasswords(cost: number, usual: MetaHashing): MetaPasswords {
  const bcrypt = createPasswords({ cost });
  return {
    keep: async (password, hashing = usual) => {
      switch (hashing) {
        case 'bcrypt': {
          const hash = await bcrypt.hash(new Secret(password));
          // Go's library writes 2a, the older name of the same algorithm.
          return { hash: hash.replace('$2b$', '$2a$') };
        }
        case 'pbkdf2-sha256':
          return { hash: await pbkdf2Hash(password, 'sha256') };
        case 'pbkdf2-sha512':
          return { hash: await pbkdf2Hash(password, 'sha512') };
        case 'ldap':
          return { hash: '', elsewhere: password };
      }
    },
    isRight: (password, { hash, elsewhere }) => {
      if (hash === '') return Promise.resolve(password === elsewhere);
      return hash.startsWith('$pbkdf2')
        ? isPbkdf2Of(password, hash)
        : bcrypt.compare(new Secret(password), hash);
    },
  };
}

const derive = promisify(pbkdf2);

async function pbkdf2Hash(password: string, digest: keyof typeof LENGTHS): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const key = await derive(password, salt, ROUNDS, LENGTHS[digest], digest);
  return `$pbkdf2-${digest}$${ROUNDS}$${adapted(salt)}$${adapted(key)}`;
}

async function isPbkdf2Of(password: string, hash: string): Promise<boolean> {
  const [, digest = '', rounds = '', salt = '', key = ''] = PBKDF2.exec(hash) ?? [];
  const wanted = plain(key);
  if (wanted.length === 0) return false;
  const got = await derive(password, plain(salt), Number(rounds), wanted.length, digest);
  return timingSafeEqual(got, wanted);
}

/** Base64 as modular crypt forms have it: `.` for `+`, no padding. */
function adapted(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '.').replaceAll('=', '');
}

function plain(text: string): Buffer {
  return Buffer.from(text.replaceAll('.', '+'), 'base64');
}
