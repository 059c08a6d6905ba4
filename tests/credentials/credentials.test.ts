import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readBasic } from '../../src/credentials/basic.ts';
import { readCredentials } from '../../src/credentials/credentials.ts';
import { readQuery } from '../../src/kernel/query.ts';
import type { Query } from '../../src/kernel/query.ts';
import { Secret } from '../../src/kernel/secret.ts';
import { readCredentialRows } from '../support/recordings.ts';
import { readSends } from '../support/sends.ts';

/** Credentials with their secrets told, as one comparable text. */
function read(authorization: string | undefined, query = '', inPath?: string): string {
  const fromPath = inPath === undefined ? undefined : new Secret(inPath);
  const credentials = readCredentials(authorization, queryOf(query), fromPath);
  switch (credentials.kind) {
    case 'none':
    case 'unreadable':
    case 'two':
    case 'certificate':
    case 'certificate-refused':
    case 'certificate-differs':
      return credentials.kind;
    case 'password': {
      const { via, name, password } = credentials;
      return `${via} ${JSON.stringify(name)} ${JSON.stringify(password.reveal())}`;
    }
    case 'bearer':
    case 'subscription':
      return `${credentials.kind} ${JSON.stringify(credentials.token.reveal())}`;
  }
}

function queryOf(raw: string): Query {
  const query = readQuery(raw);
  if ('refused' in query) throw new Error(query.refused);
  return query;
}

function basic(text: string | Buffer, scheme = 'Basic'): string {
  return `${scheme} ${Buffer.from(text).toString('base64')}`;
}

describe('readCredentials', () => {
  function reads(name: string, authorization: string | undefined, want: string, query = ''): void {
    test(name, () => {
      expect(read(authorization, query)).toBe(want);
    });
  }

  reads('no header', undefined, 'none');
  reads('an empty header', '', 'none');
  reads('Basic', basic('ann:secret'), 'basic "ann" "secret"');
  reads('Basic in lower case', basic('ann:secret', 'basic'), 'basic "ann" "secret"');
  reads('Basic in mixed case', basic('ann:secret', 'bAsIc'), 'basic "ann" "secret"');
  reads('a user name ends at the first colon', basic('ann:a:b:c'), 'basic "ann" "a:b:c"');
  reads('an empty user name', basic(':secret'), 'basic "" "secret"');
  reads('an empty password', basic('ann:'), 'basic "ann" ""');
  reads('blanks are part of both', basic(' ann : secret '), 'basic " ann " " secret "');
  reads('UTF-8', basic('管理者:пароль'), 'basic "管理者" "пароль"');
  reads('a NUL', basic('ann:a\0b'), 'basic "ann" "a\\u0000b"');
  reads(
    '10,000 characters',
    basic(`ann:${'x'.repeat(10_000)}`),
    `basic "ann" "${'x'.repeat(10_000)}"`,
  );
  reads('names of object parts', basic('__proto__:constructor'), 'basic "__proto__" "constructor"');
  reads('Bearer', 'Bearer a.b.c', 'bearer "a.b.c"');
  reads('an empty Bearer', 'Bearer ', 'bearer ""');
  reads('a subscriber', basic('~subscriber:token'), 'subscription "token"');
  reads('a subscriber without a token', basic('~subscriber:'), 'subscription ""');
  reads('a name that only begins like one', basic('~subscriber2:x'), 'basic "~subscriber2" "x"');
  reads('u and p', undefined, 'query "ann" "secret"', 'u=ann&p=secret');
  reads('u and p, encoded', undefined, 'query "a n" "s&p"', 'u=a+n&p=s%26p');
  reads('u without p', undefined, 'none', 'u=ann');
  reads('p without u', undefined, 'none', 'p=secret');
  reads('empty u', undefined, 'none', 'u=&p=secret');
  reads('empty p', undefined, 'none', 'u=ann&p=');
  reads('U and P are none', undefined, 'none', 'U=ann&P=secret');
  reads('u=~subscriber', undefined, 'subscription "x"', 'u=~subscriber&p=x');
  reads('u=~subscriber without a token', undefined, 'none', 'u=~subscriber&p=');
  reads('u and p beside an empty header', '', 'query "ann" "secret"', 'u=ann&p=secret');
  reads('u and p beside another scheme', 'Digest x', 'query "ann" "secret"', 'u=ann&p=secret');
  reads('the header goes before u and p', basic('ben:b'), 'basic "ben" "b"', 'u=ann&p=secret');
  reads('a Bearer goes before u and p', 'Bearer x', 'bearer "x"', 'u=ann&p=secret');

  function unreadable(name: string, authorization: string, query = ''): void {
    reads(`${name} cannot be read`, authorization, 'unreadable', query);
  }
  const encoded = Buffer.from('ann:secret').toString('base64');

  unreadable('another scheme', 'Digest x');
  unreadable('bearer in lower case', 'bearer a.b.c');
  unreadable('Bearer without a space', 'Bearer');
  unreadable('Basic alone', 'Basic');
  unreadable('Basic and a space', 'Basic ');
  unreadable('two spaces', `Basic  ${encoded}`);
  unreadable('a tab', `Basic\t${encoded}`);
  unreadable('a blank before it', ` Basic ${encoded}`);
  unreadable('two credentials in one', `Basic ${encoded}, Basic ${encoded}`);
  unreadable('no colon', basic('ann'));
  unreadable('nothing encoded', basic(''));
  unreadable('no padding', basic('ann:secret').replace(/=+$/, ''));
  unreadable('too much padding', `${basic('ann:secret')}=`);
  unreadable('padding amid', `Basic ${basic('a:').slice(6)}${encoded}`);
  unreadable('the alphabet of URLs', `Basic ${Buffer.from('ann:???>>>').toString('base64url')}`);
  unreadable('a line break amid', `Basic ${encoded.slice(0, 4)}\n${encoded.slice(4)}`);
  unreadable('a blank amid', `Basic ${encoded.slice(0, 4)} ${encoded.slice(4)}`);
  unreadable('bits behind the last byte', 'Basic YTpiY2R=');
  unreadable('bytes past ASCII', 'Basic \xe9\xff');
  unreadable('a NUL behind it', `${basic('ann:secret')}\0`);
  unreadable('invalid UTF-8', basic(Buffer.from([0x61, 0x3a, 0xff, 0xfe])));
  unreadable('overlong UTF-8', basic(Buffer.from([0x61, 0x3a, 0xc0, 0x80])));
  unreadable('a lone surrogate', basic(Buffer.from([0x61, 0x3a, 0xed, 0xa0, 0x80])));
  unreadable('a broken Basic beside good u and p', 'Basic !!!', 'u=ann&p=secret');
  unreadable('a Basic with a tab beside good u and p', `Basic\t${encoded}`, 'u=ann&p=secret');

  test('Kapacitor’s reading, for each recorded way to send credentials', () => {
    for (const row of readCredentialRows()) {
      const { headers, query } = readSends(row.sends, 's3cret', Date.now());
      const authorizations = headers.map((each) => each.slice('Authorization: '.length).trim());
      if (authorizations.length > 1 || row.case.startsWith('u twice')) continue;
      const isUnparsed = row.body?.includes('unable to parse authentication credentials') === true;
      const kind = read(authorizations[0], query);
      expect([row.case, kind === 'none' || kind === 'unreadable']).toEqual([row.case, isUnparsed]);
    }
  });
});

describe('readBasic', () => {
  const text = fc.string({ unit: 'grapheme' });

  test('what was encoded comes back, for every name without a colon and every password', () => {
    fc.assert(
      fc.property(text, text, (name, password) => {
        fc.pre(!name.includes(':'));
        const basicRead = readBasic(basic(`${name}:${password}`));
        expect([basicRead?.name, basicRead?.password.reveal()]).toEqual([name, password]);
      }),
    );
  });

  test('there is one spelling of each: any other text that is read encodes to itself', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom(...Array.from('YTpi=+/-_ \t\n\0zZ09é')) }),
        (garbage) => {
          const found = readBasic(`Basic ${garbage}`);
          if (found === undefined) return;
          expect(basic(`${found.name}:${found.password.reveal()}`)).toBe(`Basic ${garbage}`);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe('readCredentials, the path of a subscription', () => {
  function reads(
    name: string,
    want: string,
    given: { header?: string; query?: string; secret?: string } = {},
  ): void {
    test(name, () => {
      expect(read(given.header, given.query, given.secret ?? 's3cret')).toBe(want);
    });
  }

  reads('is the credential', 'subscription "s3cret"');
  reads('is so too where it is empty', 'subscription ""', { secret: '' });
  reads('is so beside an empty header', 'subscription "s3cret"', { header: '' });
  reads('is so beside other parameters', 'subscription "s3cret"', { query: 'db=a&U=x&P=y' });
  reads('suffers no Basic', 'two', { header: basic('a:b') });
  reads('suffers no token of its own', 'two', { header: basic('~subscriber:s3cret') });
  reads('suffers no Bearer', 'two', { header: 'Bearer x' });
  reads('suffers no header that says nothing', 'two', { header: 'x' });
  reads('suffers no u and p', 'two', { query: 'u=a&p=b' });
  reads('suffers no u alone', 'two', { query: 'u=a' });
  reads('suffers no empty p', 'two', { query: 'p' });
});
