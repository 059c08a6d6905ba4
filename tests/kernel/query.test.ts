import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { firstValue, readQuery, writeQuery } from '../../src/kernel/query.ts';
import type { Query } from '../../src/kernel/query.ts';
import { GO_VERSIONS, parseQuery } from './go-reading.ts';

function read(raw: string): Query {
  const query = readQuery(raw);
  if ('refused' in query) throw new Error(query.refused);
  return query;
}

describe('readQuery', () => {
  function reads(raw: string, want: readonly (readonly [string, string])[]): void {
    test(`"${raw}" holds ${JSON.stringify(want)}`, () => {
      expect(read(raw).map(({ name, value }) => [name, value])).toEqual(want);
    });
  }

  reads('', []);
  reads('&', []);
  reads('&&a=1&&', [['a', '1']]);
  reads('a', [['a', '']]);
  reads('a=', [['a', '']]);
  reads('=', [['', '']]);
  reads('=b', [['', 'b']]);
  reads('a=b=c', [['a', 'b=c']]);
  reads('a+b=c+d', [['a b', 'c d']]);
  reads('a%2Bb=%20', [['a+b', ' ']]);
  reads('a=1&a=2', [
    ['a', '1'],
    ['a', '2'],
  ]);
  reads('a?b=/../', [['a?b', '/../']]);
  reads('%61%3D=%26%3B', [['a=', '&;']]);
  reads('a=%00%0d%0a', [['a', '\0\r\n']]);
  reads('%E7%AE%A1=%F0%9F%98%80', [['管', '😀']]);
  reads('__proto__=x&constructor=y', [
    ['__proto__', 'x'],
    ['constructor', 'y'],
  ]);

  test('a name without "=" is told from one with an empty value', () => {
    expect(read('a&b=').map(({ bare }) => bare)).toEqual([true, false]);
  });

  function refuses(raw: string, words: RegExp): void {
    test(`"${raw}" is refused`, () => {
      const query = readQuery(raw);
      expect('refused' in query ? query.refused : query).toMatch(words);
    });
  }

  refuses(';', /";"/);
  refuses('a=1;b=2', /%3B/);
  refuses('a=%', /percent escape/);
  refuses('a=%4', /percent escape/);
  refuses('a%zz=1', /percent escape/);
  refuses('a=%ff', /UTF-8/);
  refuses('%C3=a', /UTF-8/);
  refuses('a=%ed%a0%80', /UTF-8/);
  for (const name of ['db', 'rp', 'u', 'p']) {
    refuses(`${name}=a&x=1&${name}=a`, new RegExp(`"${name}" may stand there only once`));
    refuses(`${name}&${name}=`, new RegExp(`"${name}"`));
  }
  refuses('d%62=a&db=a', /"db"/);

  test('more pairs than every version of Go reads are refused', () => {
    const raw = (count: number): string => `db=a${'&x=1'.repeat(count - 1)}`;
    expect(read(raw(1000))).toHaveLength(1000);
    expect(readQuery(raw(1001))).toEqual({ refused: 'the query holds more than 1000 parameters' });
    expect(readQuery('&'.repeat(1000))).toHaveProperty('refused');
  });
});

describe('firstValue', () => {
  test('the first value of a name wins', () => {
    expect(firstValue(read('x=1&x=2'), 'x')).toBe('1');
  });

  test('an empty first value wins too', () => {
    expect(firstValue(read('x&x=2'), 'x')).toBe('');
  });

  test('a name that is absent has the empty value', () => {
    expect(firstValue(read('X=1&x%20=2'), 'x')).toBe('');
  });

  test('names of Object.prototype are names like others', () => {
    expect(firstValue(read('a=1'), 'toString')).toBe('');
    expect(firstValue(read('__proto__=1'), '__proto__')).toBe('1');
  });
});

describe('writeQuery', () => {
  const character = fc.string({ unit: 'binary', maxLength: 4 });
  const text = fc.oneof(
    character,
    fc.constantFrom('', 'db', ';', '&', '=', '+', ' ', '%', '#', '?'),
  );
  const parameter = fc
    .tuple(text, text, fc.boolean())
    .map(([name, value, bare]) =>
      bare && name !== '' ? { name, value: '', bare } : { name, value, bare: false },
    );

  test('nothing is written as nothing', () => {
    expect(writeQuery([])).toBe('');
  });

  test('a name without "=" stays so', () => {
    expect(writeQuery(read('0x43+0x44&a='))).toBe('?0x43+0x44&a=');
  });

  test('every query is read back by Go of any version as it was', () => {
    fc.assert(
      fc.property(fc.array(parameter, { maxLength: 5 }), (query) => {
        const raw = Buffer.from(writeQuery(query).slice(1));
        for (const version of GO_VERSIONS) {
          expect(parseQuery(raw, version)).toEqual(
            query.map(({ name, value }) => [Buffer.from(name), Buffer.from(value)]),
          );
        }
      }),
    );
  });

  test('every query without a repeated name is read back by the gateway as it was', () => {
    const unique = fc.uniqueArray(parameter, { maxLength: 5, selector: ({ name }) => name });
    fc.assert(
      fc.property(unique, (query) => {
        expect(readQuery(writeQuery(query).slice(1))).toEqual(query);
      }),
    );
  });

  test('the characters that end or split a query are never written bare', () => {
    fc.assert(
      fc.property(fc.array(parameter, { minLength: 1, maxLength: 5 }), (query) => {
        expect(writeQuery(query)).toMatch(/^\?[A-Za-z0-9\-._~!'()*+=&%]*$/);
      }),
    );
  });
});
