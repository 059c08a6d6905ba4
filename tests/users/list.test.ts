import { describe, expect, test } from '@jest/globals';
import { readListRequest, select } from '../../src/users/list.ts';
import type { UserRecord } from '../../src/users/record.ts';
import { someHash } from './hash.ts';

const query = (parameters: Record<string, string>) =>
  Object.entries(parameters).map(([name, value]) => ({ name, value, bare: false }));

const NAMES = ['a', 'b1', 'b2', 'b3', 'c'];
const source = {
  names: () => NAMES,
  get: (name: string): UserRecord => ({
    name,
    admin: false,
    hash: someHash(),
    permissions: [],
    created: '',
    changed: '',
  }),
};

describe('select', () => {
  function gives(parameters: Record<string, string>, want: readonly string[]): void {
    test(`${JSON.stringify(parameters)} gives ${want.join(' ')}`, () => {
      const asked = readListRequest(query(parameters));
      if ('refused' in asked) throw new Error(asked.refused);
      expect(Array.from(select(source, asked), ({ name }) => name)).toEqual(want);
    });
  }

  gives({}, NAMES);
  gives({ pattern: '', offset: '', limit: '' }, NAMES);
  gives({ pattern: 'b*' }, ['b1', 'b2', 'b3']);
  gives({ pattern: 'b*', offset: '1' }, ['b2', 'b3']);
  gives({ pattern: 'b*', offset: '1', limit: '1' }, ['b2']);
  gives({ offset: '4' }, ['c']);
  gives({ offset: '5' }, []);
  gives({ offset: '-3', limit: '2' }, ['a', 'b1']);
  gives({ limit: '0' }, []);
  gives({ limit: '+2' }, ['a', 'b1']);
  gives({ limit: '002' }, ['a', 'b1']);
  gives({ limit: '-1', pattern: 'b*', offset: '2' }, NAMES);
  gives({ limit: '9223372036854775807', offset: '-9223372036854775808' }, NAMES);

  test('takes 100 where nobody says how many', () => {
    const names = Array.from({ length: 150 }, (_, index) => `u${index}`);
    const asked = readListRequest([]);
    if ('refused' in asked) throw new Error(asked.refused);
    expect([...select({ ...source, names: () => names }, asked)]).toHaveLength(100);
  });

  test('reads no record that it does not give, and leaves out who was deleted meanwhile', () => {
    const read: string[] = [];
    const get = (name: string): UserRecord | undefined => {
      read.push(name);
      return name === 'b2' ? undefined : source.get(name);
    };
    const asked = readListRequest(query({ pattern: 'b*' }));
    if ('refused' in asked) throw new Error(asked.refused);
    const given = Array.from(select({ ...source, get }, asked), ({ name }) => name);
    expect(given).toEqual(['b1', 'b3']);
    expect(read).toEqual(['b1', 'b2', 'b3']);
  });
});

describe('readListRequest', () => {
  function refuses(parameters: Record<string, string>, words: string): void {
    test(`${JSON.stringify(parameters)} is refused`, () => {
      expect(readListRequest(query(parameters))).toEqual({ refused: words });
    });
  }

  const syntax = (name: string, text: string): string =>
    `invalid ${name} parameter ${text} must be an integer: strconv.ParseInt: parsing ${text}: invalid syntax`;
  refuses({ offset: 'x' }, syntax('offset', '"x"'));
  refuses({ limit: '1.5' }, syntax('limit', '"1.5"'));
  refuses({ limit: '1e3' }, syntax('limit', '"1e3"'));
  refuses({ limit: '0x10' }, syntax('limit', '"0x10"'));
  refuses({ limit: '1_000' }, syntax('limit', '"1_000"'));
  refuses({ limit: ' 1' }, syntax('limit', '" 1"'));
  refuses({ limit: '+-1' }, syntax('limit', '"+-1"'));
  refuses(
    { offset: '9223372036854775808' },
    'invalid offset parameter "9223372036854775808" must be an integer: strconv.ParseInt: parsing "9223372036854775808": value out of range',
  );
  refuses({ pattern: '[' }, 'invalid pattern "[": syntax error in pattern');
  refuses({ fields: 'hash' }, 'unsupported field "hash"');
  refuses({ fields: '__proto__' }, 'unsupported field "__proto__"');
});
