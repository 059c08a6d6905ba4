import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { pbkdf2Sync } from 'node:crypto';
import { createHashing } from '../../src/authenticate/hashing.ts';
import { readPasswordForm, readRemoteForm } from '../../src/authenticate/password-forms.ts';
import { createPasswords } from '../../src/authenticate/password.ts';
import { Secret } from '../../src/kernel/secret.ts';

const hashing = createHashing();
const passwords = createPasswords({ cost: 4, hashing });
afterAll(() => hashing.close());

function matches(password: string, hash: string): Promise<boolean> {
  return passwords.compare(new Secret(password), hash);
}

/** The base64 of passlib: `.` for `+`, no padding. */
function ab64(bytes: Buffer): string {
  return bytes.toString('base64').replaceAll('+', '.').replace(/=+$/, '');
}

const SALT = Buffer.from('fb0fbe6fbefbe0b76f0e7bdf79be9f1b', 'hex');

function keyOf(password: string, rounds: number, digest: 'sha256' | 'sha512', bytes = 32): Buffer {
  return pbkdf2Sync(password, SALT, rounds, bytes, digest);
}

describe('a stored password', () => {
  test.each([
    // The example of passlib's own documentation.
    [
      'toomanysecrets',
      '$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk',
    ],
    // RFC 6070's first case, with SHA-256 (RFC 7914, section 11, has its like) and SHA-512; the salt is "salt".
    ['password', '$pbkdf2-sha256$1$c2FsdA$Eg.2z/z4syxD5yJSVsT4N6hlSMkszDVICAWYfLcL4Xs'],
    [
      'password',
      '$pbkdf2-sha512$1$c2FsdA$hn9wzxreAs/zdSWZo6U9xK80x6ZpgVrl1RNVThyM8lLALUcKKFoFAbrZmb/pQ8CPBQI119aLHaVeY/c7YKV/zg',
    ],
  ])('of a public example: %s', async (password, hash) => {
    expect(await matches(password, hash)).toBe(true);
    expect(await matches(`${password}x`, hash)).toBe(false);
    expect(await matches('', hash)).toBe(false);
  });

  const salt = SALT.toString('base64');
  for (const digest of ['sha256', 'sha512'] as const) {
    const key = keyOf('pässword', 1000, digest);
    const bare = (text: string): string => text.replace(/=+$/, '');
    for (const [form, hash] of [
      ['passlib', `$pbkdf2-${digest}$1000$${ab64(SALT)}$${ab64(key)}`],
      ['PHC', `$pbkdf2-${digest}$i=1000$${bare(salt)}$${bare(key.toString('base64'))}`],
      [
        'PHC with a length',
        `$pbkdf2-${digest}$i=1000,l=32$${bare(salt)}$${bare(key.toString('base64'))}`,
      ],
      ['padded', `$pbkdf2-${digest}$1000$${salt}$${key.toString('base64')}`],
      ['rounds=', `$pbkdf2-${digest}$rounds=1000$${ab64(SALT)}$${ab64(key)}`],
      [
        'as the log says it',
        `$pbkdf2-${digest}$rounds=1000;salt_len=16$${ab64(SALT)}$${ab64(key)}`,
      ],
    ] as const) {
      test(`by pbkdf2-${digest}, ${form}, matches its password and no other`, async () => {
        expect(await matches('pässword', hash)).toBe(true);
        for (const other of ['', 'pässwor', 'Pässword', 'password']) {
          expect(await matches(other, hash)).toBe(false);
        }
      });
    }
  }

  test('by pbkdf2 takes passwords of more than 72 bytes, to the last of them', async () => {
    const long = 'x'.repeat(500);
    const hash = `$pbkdf2-sha256$10$${ab64(SALT)}$${ab64(keyOf(long, 10, 'sha256'))}`;
    expect(await matches(long, hash)).toBe(true);
    expect(await matches(`${long}y`, hash)).toBe(false);
    expect(await matches(long.slice(1), hash)).toBe(false);
  });
});

describe('readRemoteForm', () => {
  const bcrypt = (cost: number): string => `$2a$${cost}$${'a'.repeat(53)}`;

  test('reads what can be compared in a few seconds', () => {
    for (const hash of [bcrypt(10), bcrypt(16), `$pbkdf2-sha256$4000000$c2FsdA$${'A'.repeat(43)}`])
      expect(readRemoteForm(hash)).toEqual(readPasswordForm(hash));
    expect(readRemoteForm(bcrypt(16))).toBeDefined();
  });

  test.each([17, 24, 31])('leaves a bcrypt hash of cost %d to its own system', (cost) => {
    expect(readPasswordForm(bcrypt(cost))).toBeDefined();
    expect(readRemoteForm(bcrypt(cost))).toBeUndefined();
  });
});

describe('readPasswordForm', () => {
  test('tells bcrypt with its cost', () => {
    const rest = 'a'.repeat(53);
    for (const version of ['2a', '2b', '2y']) {
      expect(readPasswordForm(`$${version}$12$${rest}`)).toMatchObject({
        kind: 'bcrypt',
        cost: 12,
      });
    }
  });

  test('reads digest, rounds, salt and key', () => {
    const key = keyOf('x', 29_000, 'sha512', 64);
    expect(readPasswordForm(`$pbkdf2-sha512$29000$${ab64(SALT)}$${ab64(key)}`)).toEqual({
      ...{ kind: 'pbkdf2', digest: 'sha512', rounds: 29_000 },
      salt: SALT,
      key,
    });
  });

  const salt = ab64(SALT);
  const key = ab64(Buffer.alloc(32, 7));
  test.each([
    ['empty', ''],
    ['plain text', 'secret'],
    ['pbkdf2 by SHA-1', `$pbkdf2$29000$${salt}$${key}`],
    ['another digest', `$pbkdf2-sha384$29000$${salt}$${key}`],
    ['upper case', `$PBKDF2-SHA256$29000$${salt}$${key}`],
    ['no rounds', `$pbkdf2-sha256$$${salt}$${key}`],
    ['0 rounds', `$pbkdf2-sha256$0$${salt}$${key}`],
    ['negative rounds', `$pbkdf2-sha256$-1$${salt}$${key}`],
    ['rounds that would take many seconds', `$pbkdf2-sha256$4000001$${salt}$${key}`],
    ['rounds past all numbers', `$pbkdf2-sha256$99999999999999999999$${salt}$${key}`],
    ['rounds in another base', `$pbkdf2-sha256$0x10$${salt}$${key}`],
    ['no salt', `$pbkdf2-sha256$10$$${key}`],
    ['a salt past all bounds', `$pbkdf2-sha256$10$${'A'.repeat(1400)}$${key}`],
    ['a salt that is no base64', `$pbkdf2-sha256$10$a*b$${key}`],
    ['a salt with a bit too many', `$pbkdf2-sha256$10$AB$${key}`],
    ['a key that is too short', `$pbkdf2-sha256$10$${salt}$${ab64(Buffer.alloc(15))}`],
    ['a key that is too long', `$pbkdf2-sha256$10$${salt}$${ab64(Buffer.alloc(65))}`],
    ['a key in hexadecimal with a dash', `$pbkdf2-sha256$10$${salt}$${'ab-'.repeat(12)}`],
    ['a part too many', `$pbkdf2-sha256$10$${salt}$${key}$x`],
    ['a line break behind it', `$pbkdf2-sha256$10$${salt}$${key}\n`],
    ['scrypt', `$scrypt$ln=16,r=8,p=1$${salt}$${key}`],
    ['SHA-512 crypt', `$6$salt$${'a'.repeat(86)}`],
  ])('knows nothing of %s', (_, hash) => {
    expect(readPasswordForm(hash)).toBeUndefined();
  });

  test('never throws, and stays within its bounds', () => {
    const piece = fc.oneof(
      fc.constantFrom('$', 'pbkdf2-sha256', 'i=', '10', salt, key),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const form = readPasswordForm(pieces.join(''));
        if (form?.kind !== 'pbkdf2') return;
        expect(form.rounds).toBeGreaterThan(0);
        expect(form.key.length).toBeGreaterThanOrEqual(16);
      }),
    );
  });
});
