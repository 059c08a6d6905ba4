import { describe, expect, test } from '@jest/globals';
import { readHtpasswd } from '../../../src/users/import/htpasswd.ts';

const REST = `$10$${'a'.repeat(53)}`;

function reads(text: string, want: readonly object[]): void {
  test(JSON.stringify(text.slice(0, 40)), () => {
    expect(readHtpasswd(text)).toEqual({ entries: want, notes: [] });
  });
}

describe('readHtpasswd', () => {
  reads('', []);
  reads(`stan:$2y${REST}`, [{ at: 1, name: 'stan', hash: `$2b${REST}` }]);
  reads(`stan:$2a${REST}\n`, [{ at: 1, name: 'stan', hash: `$2a${REST}` }]);
  reads(`# users\r\n\r\n  stan:$2b${REST}  \r\n`, [{ at: 3, name: 'stan', hash: `$2b${REST}` }]);
  reads(`stan:$2b${REST}:a comment: of nginx`, [{ at: 1, name: 'stan', hash: `$2b${REST}` }]);
  reads(`a:$2b${REST}\na:$2y${REST}`, [
    { at: 1, name: 'a', hash: `$2b${REST}` },
    { at: 2, name: 'a', hash: `$2b${REST}` },
  ]);

  test.each([
    ['$apr1$abcdefgh$0123456789012345678901', /Apache's MD5/],
    ['{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /SHA-1 \(\{SHA\}\)/],
    ['{SSHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=', /salted SHA-1/],
    ['{PLAIN}canary-canary', /in clear/],
    ['$1$canary$canary', /MD5 crypt/],
    ['$5$canary$canary', /SHA-256 crypt/],
    ['$6$canary$canary', /SHA-512 crypt/],
    ['$y$j9T$canary', /yescrypt/],
    ['$7$canary', /scrypt/],
    ['$argon2id$v=19$canary', /Argon2/],
    ['rqXexScanary1', /DES/],
    ['canary-canary-canary', /in clear, or a hash of an unknown kind/],
    ['', /no password/],
    [`$2x${REST}`, /bcrypt, but damaged/],
    [`$2y$10$${'a'.repeat(52)}`, /bcrypt, but damaged/],
    [`$2y$32$${'a'.repeat(53)}`, /bcrypt, but damaged/],
  ])('%s is refused by its kind, and not told', (stored, kind) => {
    const [entry] = readHtpasswd(`stan:${stored}`).entries;
    expect(entry).toEqual({ at: 1, name: 'stan', refused: expect.stringMatching(kind) });
    expect(JSON.stringify(entry)).toMatch(/only bcrypt can be taken over/);
    expect(JSON.stringify(entry)).not.toMatch(/canary|aaaa/);
  });

  test('a line without a colon is refused and not shown: it may be a password', () => {
    expect(readHtpasswd('canary').entries).toEqual([
      { at: 1, refused: 'the line is not NAME:HASH' },
    ]);
  });
});
