import { describe, expect, test } from '@jest/globals';
import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import fc from 'fast-check';
import { Secret } from '../../src/kernel/secret.ts';
import { signToken } from '../../src/authenticate/signed-token.ts';
import { createTokens } from '../../src/authenticate/token.ts';
import { makeToken } from '../support/jwt.ts';
import { readCredentialRows } from '../support/recordings.ts';
import { readSends } from '../support/sends.ts';

const SECRET = 's3cret';
const NOW_S = 1_700_000_000;

async function read(token: string, secret = SECRET): Promise<string> {
  const reading = await createTokens(new Secret(secret), () => NOW_S * 1000).read(
    new Secret(token),
  );
  return 'refused' in reading ? `refused: ${reading.refused}` : reading.name;
}

const GOOD = { username: 'ann', exp: NOW_S + 3600 };

function token(
  claims: Readonly<Record<string, unknown>> = GOOD,
  header: Readonly<Record<string, unknown>> = { alg: 'HS512', typ: 'JWT' },
  secret: string | undefined = SECRET,
): string {
  return makeToken({ header, claims, secret });
}

function unsigned(header: Readonly<Record<string, unknown>>): string {
  return makeToken({ header, claims: GOOD, secret: undefined });
}

/** A token over these very texts, well signed. */
function tokenOf(header: string, claims: string): string {
  const signed = [header, claims].map((each) => Buffer.from(each).toString('base64url')).join('.');
  return `${signed}.${createHmac('sha512', SECRET).update(signed).digest('base64url')}`;
}

describe('a bearer token', () => {
  function names(name: string, bearer: string, want = 'ann'): void {
    test(`${name} is taken`, async () => {
      expect(await read(bearer)).toBe(want);
    });
  }

  for (const alg of ['HS256', 'HS384', 'HS512']) names(alg, token(GOOD, { alg }));
  names('without typ', token(GOOD, { alg: 'HS512' }));
  names('with nbf and iat in the past', token({ ...GOOD, nbf: NOW_S - 1, iat: NOW_S - 1 }));
  names('issued and valid from this second', token({ ...GOOD, nbf: NOW_S, iat: NOW_S }));
  names('with a second left', token({ ...GOOD, exp: NOW_S + 1 }));
  names('with other claims', token({ ...GOOD, sub: 'ben', admin: true, aud: 'x' }));
  names('of a user with an odd name', token({ ...GOOD, username: '__proto__' }), '__proto__');
  names(
    'with hints to another key, which are not looked at',
    token(GOOD, {
      alg: 'HS512',
      kid: '../../dev/null',
      jku: 'http://127.0.0.1:1/keys',
      x5u: 'http://127.0.0.1:1/x',
      jwk: { kty: 'oct', k: Buffer.from('attacker').toString('base64url') },
    }),
  );

  function refuses(name: string, bearer: string, words: string): void {
    test(`${name} is refused`, async () => {
      expect(await read(bearer)).toBe(`refused: ${words}`);
    });
  }
  const segments = 'invalid token: token contains an invalid number of segments';
  const malformed = 'invalid token: token is malformed';
  const badSignature = 'invalid token: signature is invalid';
  const expired = 'invalid token: Token is expired';
  const notYet = 'invalid token: Token is not valid yet';
  const noExpiry = 'token expiration required';

  refuses('an empty one', '', segments);
  refuses('one part', 'a', segments);
  refuses('two parts', 'a.b', segments);
  refuses('four parts', `${token()}.x`, segments);
  refuses('five parts (JWE)', 'a.b.c.d.e', segments);
  refuses('three empty parts', '..', malformed);
  refuses('a header that is no JSON', 'x.y.z', malformed);
  refuses('a header that is an array', tokenOf('[]', JSON.stringify(GOOD)), malformed);
  refuses('claims that are no JSON', tokenOf('{"alg":"HS512"}', 'x'), malformed);
  refuses('claims that are an array', tokenOf('{"alg":"HS512"}', '[]'), malformed);
  refuses('claims that are null', tokenOf('{"alg":"HS512"}', 'null'), malformed);
  refuses('a blank before it', ` ${token()}`, badSignature);

  refuses('alg none', unsigned({ alg: 'none' }), 'invalid token: unexpected signing method: none');
  refuses(
    'alg none, signed',
    token(GOOD, { alg: 'none' }),
    'invalid token: unexpected signing method: none',
  );
  for (const alg of ['None', 'NONE', 'hs512', 'HS1', 'HS512 ', 'foo', '']) {
    refuses(
      `alg ${JSON.stringify(alg)}`,
      token(GOOD, { alg }),
      'invalid token: signing method (alg) is unavailable.',
    );
  }
  for (const alg of ['RS256', 'RS512', 'ES256', 'PS256', 'EdDSA']) {
    refuses(
      `alg ${alg}, signed with the secret`,
      token(GOOD, { alg }),
      `invalid token: unexpected signing method: ${alg}`,
    );
  }
  for (const alg of [undefined, null, 5, ['HS512'], { a: 1 }]) {
    refuses(
      `alg ${JSON.stringify(alg)}`,
      token(GOOD, { alg }),
      'invalid token: signing method (alg) is unspecified.',
    );
  }
  refuses('a critical extension', token(GOOD, { alg: 'HS512', crit: ['x'], x: 1 }), malformed);
  refuses(
    'an unencoded payload',
    token(GOOD, { alg: 'HS512', b64: false, crit: ['b64'] }),
    malformed,
  );

  refuses('another secret', token(GOOD, undefined, 'x'), badSignature);
  refuses('the empty secret', token(GOOD, undefined, ''), badSignature);
  refuses('no signature', unsigned({ alg: 'HS512' }), badSignature);
  refuses(
    'the signature of another algorithm',
    makeToken({ header: { alg: 'HS256' }, claims: GOOD, secret: SECRET, hash: 'sha512' }),
    badSignature,
  );
  refuses('a signature cut short', token().slice(0, -10), badSignature);
  refuses(
    'claims changed behind the signature',
    token().replace(
      /\..*\./,
      `.${Buffer.from(JSON.stringify({ ...GOOD, username: 'admin' })).toString('base64url')}.`,
    ),
    badSignature,
  );

  refuses('no exp', token({ username: 'ann' }), noExpiry);
  refuses('exp now', token({ ...GOOD, exp: NOW_S }), expired);
  refuses('exp past', token({ ...GOOD, exp: NOW_S - 60 }), expired);
  refuses('exp negative', token({ ...GOOD, exp: -1 }), expired);
  refuses('exp 0', token({ ...GOOD, exp: 0 }), expired);
  refuses('exp 1e300, which Go reads as long past', token({ ...GOOD, exp: 1e300 }), noExpiry);
  refuses('exp past every date', token({ ...GOOD, exp: 8.64e12 + 1 }), noExpiry);
  for (const exp of ['9999999999', null, true, [NOW_S + 60], { a: 1 }]) {
    refuses(`exp ${JSON.stringify(exp)}`, token({ ...GOOD, exp }), malformed);
  }
  refuses('exp infinite', tokenOf('{"alg":"HS512"}', '{"username":"ann","exp":1e999}'), noExpiry);
  refuses('nbf to come', token({ ...GOOD, nbf: NOW_S + 600 }), notYet);
  refuses('nbf of text', token({ ...GOOD, nbf: '1' }), notYet);
  refuses(
    'iat to come',
    token({ ...GOOD, iat: NOW_S + 600 }),
    'invalid token: Token used before issued',
  );
  refuses('iat of text', token({ ...GOOD, iat: '1' }), malformed);

  for (const username of [5, null, true, ['ann'], { a: 1 }, undefined]) {
    refuses(
      `username ${JSON.stringify(username)}`,
      token({ ...GOOD, username }),
      'username in token must be a string',
    );
  }
  refuses('an empty username', token({ ...GOOD, username: '' }), 'token must contain a username');
  refuses(
    'Username is not username',
    token({ exp: GOOD.exp, Username: 'ann' }),
    'username in token must be a string',
  );

  test('of a claim that stands there twice the last one counts, as in Go', async () => {
    const twice = tokenOf(
      '{"alg":"HS512"}',
      `{"username":"admin","exp":${GOOD.exp},"username":"ann"}`,
    );
    expect(await read(twice)).toBe('ann');
    const late = tokenOf('{"alg":"HS512"}', `{"username":"ann","exp":${GOOD.exp},"exp":1}`);
    expect(await read(late)).toBe(`refused: ${expired}`);
  });

  test('an RS256 one is refused, whatever key it names', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const header = { alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) };
    const signed = [header, GOOD]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.');
    const signature = sign('sha256', Buffer.from(signed), privateKey).toString('base64url');
    expect(await read(`${signed}.${signature}`)).toBe(
      'refused: invalid token: unexpected signing method: RS256',
    );
  });

  test('each recorded one is answered in Kapacitor’s words', async () => {
    let played = 0;
    for (const row of readCredentialRows()) {
      const { headers } = readSends(row.sends, SECRET, NOW_S * 1000);
      const bearer = /^Authorization: Bearer (.*)$/.exec(headers[0] ?? '')?.[1];
      if (bearer === undefined || row.status === 403) continue;
      const words = row.body === undefined ? '' : (JSON.parse(row.body) as { error: string }).error;
      // The directory is asked later, and tells nothing of itself.
      const isFine = row.status === 200 || row.case === 'bearer username unknown';
      const got = await read(bearer);
      expect([row.case, isFine ? !got.startsWith('refused') : got]).toEqual([
        row.case,
        isFine ? true : `refused: ${words}`,
      ]);
      played++;
    }
    expect(played).toBeGreaterThan(20);
  });

  test('nothing is taken while there is no secret, not even what is signed with the empty one', async () => {
    for (const bearer of [token(GOOD, undefined, ''), token(), unsigned({ alg: 'none' }), '']) {
      expect(await read(bearer, '')).toBe('refused: authorization failed');
    }
  });

  test('no text at all makes it throw, or passes', async () => {
    const part = fc.oneof(
      fc.string(),
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
      fc.constantFrom(...token().split('.')),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(part, { maxLength: 5 }), async (parts) => {
        const bearer = parts.join('.');
        fc.pre(bearer !== token());
        expect(await read(bearer)).toMatch(/^refused: /);
      }),
      { numRuns: 500 },
    );
  });

  test('one that was made here is taken until it expires', async () => {
    const made = await signToken(new Secret(SECRET), 'ann', NOW_S * 1000, 60_000);
    expect(await read(made)).toBe('ann');
    const later = createTokens(new Secret(SECRET), () => (NOW_S + 60) * 1000);
    expect(await later.read(new Secret(made))).toEqual({ refused: expired });
  });
});
