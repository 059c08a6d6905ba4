import { costOf, readHash } from '../kernel/bcrypt-hash.ts';

/** A stored password, taken apart. */
export type PasswordForm =
  | {
      readonly kind: 'bcrypt';
      readonly hash: string;
      /** 2^cost rounds. */
      readonly cost: number;
    }
  | {
      readonly kind: 'pbkdf2';
      readonly digest: 'sha256' | 'sha512';
      readonly rounds: number;
      readonly salt: Buffer;
      readonly key: Buffer;
    };

/**
 * `$pbkdf2-sha256$ROUNDS$SALT$KEY`. What stands for the rounds is a number (passlib), `i=N,l=LENGTH` (the PHC string
 * format) or `rounds=N`.
 */
const PBKDF2 =
  /^\$pbkdf2-(sha256|sha512)\$(?:(?:i|rounds)=)?(\d{1,8})(?:[,;](?:l|salt_len)=\d{1,4})?\$([^$]+)\$([^$]+)$/;

/** Some seconds of a core, as bcrypt's 2^16: passlib's figure is 29,000, OWASP's 600,000. */
const MAX_ROUNDS = 4_000_000;
const MAX_REMOTE_COST = 16;
const MAX_SALT_BYTES = 1024;
const MIN_KEY_BYTES = 16;
const MAX_KEY_BYTES = 64;

/**
 * Reads the form in which a password is stored; undefined: none that can be checked here.
 *
 * InfluxDB Enterprise 1.10.3 and newer write pbkdf2 with 29000 rounds and 16 bytes of salt, which are passlib's
 * figures; no public source shows the string itself. So each form in common use is read: passlib's base64 (`.` for `+`,
 * no padding), and the standard one with padding or without.
 * Sources: passlib.hash.pbkdf2_digest; the PHC string format; docs.influxdata.com, Configure password hashing.
 */
export function readPasswordForm(hash: string): PasswordForm | undefined {
  const bcrypt = readHash(hash);
  const cost = costOf(hash);
  if (bcrypt !== undefined && cost !== undefined) return { kind: 'bcrypt', hash: bcrypt, cost };
  const [, digest, rounds, salt, key] = PBKDF2.exec(hash) ?? [];
  return (digest === 'sha256' || digest === 'sha512') &&
    rounds !== undefined &&
    salt !== undefined &&
    key !== undefined
    ? readPbkdf2(digest, Number(rounds), readBase64(salt), readBase64(key))
    : undefined;
}

/**
 * As `readPasswordForm`, of an account that another system can be asked about: undefined too where comparing would keep a
 * thread busy for longer than asking takes. Cost 31 takes days.
 */
export function readRemoteForm(hash: string): PasswordForm | undefined {
  const form = readPasswordForm(hash);
  return form?.kind === 'bcrypt' && form.cost > MAX_REMOTE_COST ? undefined : form;
}

function readPbkdf2(
  digest: 'sha256' | 'sha512',
  rounds: number,
  salt: Buffer | undefined,
  key: Buffer | undefined,
): PasswordForm | undefined {
  if (rounds < 1 || rounds > MAX_ROUNDS) return undefined;
  if (salt === undefined || salt.length > MAX_SALT_BYTES) return undefined;
  if (key === undefined || key.length < MIN_KEY_BYTES || key.length > MAX_KEY_BYTES) {
    return undefined;
  }
  return { kind: 'pbkdf2', digest, rounds, salt, key };
}

/** Strictly: what would be left out or guessed at is no base64, and a hash that is half understood matches nobody. */
function readBase64(text: string): Buffer | undefined {
  const bare = text.replaceAll('.', '+').replace(/={1,2}$/, '');
  const bytes = Buffer.from(bare, 'base64');
  return bytes.toString('base64').replace(/=+$/, '') === bare ? bytes : undefined;
}
