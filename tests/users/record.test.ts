import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { decodeRecord, encodeRecord } from '../../src/users/record.ts';
import type { UserRecord } from '../../src/users/record.ts';
import { someHash } from './hash.ts';

const RECORD: UserRecord = {
  name: 'stan',
  admin: false,
  hash: someHash(),
  permissions: ['api', 'write_points:telegraf'],
  created: '2024-01-01T00:00:00.000Z',
  changed: '2024-01-02T00:00:00.000Z',
};

describe('decodeRecord', () => {
  test('gives back what was encoded, whatever the name and the permissions', () => {
    const record = fc.record({
      name: fc.string({ unit: 'grapheme', minLength: 1 }),
      admin: fc.boolean(),
      permissions: fc.array(fc.string({ unit: 'grapheme' })),
      cost: fc.integer({ min: 4, max: 31 }),
      created: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date('9999') }),
    });
    fc.assert(
      fc.property(record, ({ cost, created, ...rest }) => {
        const time = created.toISOString();
        const whole: UserRecord = { ...rest, hash: someHash(cost), created: time, changed: time };
        expect(decodeRecord(whole.name, encodeRecord(whole))).toEqual(whole);
      }),
    );
  });

  function refuses(what: string, bytes: Uint8Array, words: string): void {
    test(`${what} is a fault`, () => {
      expect(() => decodeRecord('stan', bytes)).toThrow(words);
    });
  }

  const stored = (change: Record<string, unknown>): Buffer =>
    Buffer.from(JSON.stringify({ v: 1, ...RECORD, ...change }));
  const damaged = 'its record is damaged (not a record of this version)';
  refuses('no byte', Buffer.alloc(0), damaged);
  refuses('zeros', Buffer.alloc(200), damaged);
  refuses('half a record', encodeRecord(RECORD).subarray(0, 60), damaged);
  refuses('invalid UTF-8', Buffer.from([0x22, 0xff, 0x22]), damaged);
  refuses('null', Buffer.from('null'), damaged);
  refuses('a list', Buffer.from('[]'), 'its record is damaged');
  refuses('another version', stored({ v: 2 }), 'its record is damaged (field "v")');
  refuses('a field of a later version', stored({ locked: true }), damaged);
  refuses('no hash', stored({ hash: '' }), 'its record is damaged (field "hash")');
  refuses('an admin who is "true"', stored({ admin: 'true' }), 'its record is damaged');
  refuses('permissions that are no list', stored({ permissions: 'all' }), 'its record is damaged');
  refuses('the record of another', stored({ name: 'stan2' }), 'that of another user');

  test('says nothing of the value at fault', () => {
    expect(() => decodeRecord('stan', stored({ hash: 'canary' }))).not.toThrow(/canary/);
  });
});
