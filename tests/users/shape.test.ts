import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import {
  faultIn,
  is,
  isBoolean,
  isCount,
  isInteger,
  isListOf,
  isMoment,
  isShaped,
  isText,
  isWord,
} from '../../src/users/shape.ts';
import type { Is } from '../../src/users/shape.ts';

const SHAPE = { v: is(1), name: isWord, admin: isBoolean };
const SOUND = { v: 1, name: 'stan', admin: false };

describe('isShaped', () => {
  test('takes an object with these fields', () => {
    expect(isShaped(SHAPE, SOUND)).toBe(true);
  });

  function refuses(what: string, value: unknown, fault: string): void {
    test(`refuses ${what}`, () => {
      expect(isShaped(SHAPE, value)).toBe(false);
      expect(faultIn(SHAPE, value)).toBe(fault);
    });
  }

  refuses('nothing', undefined, '');
  refuses('null', null, '');
  refuses('a text', 'stan', '');
  refuses('a list', [SOUND], '');
  refuses('an object without fields', {}, 'v');
  refuses('a field that is missing', { v: 1, name: 'stan' }, 'admin');
  refuses('a field of another type', { ...SOUND, admin: 'false' }, 'admin');
  refuses('one field more', { ...SOUND, locked: true }, '');
  refuses('one field more, called __proto__', JSON.parse('{"__proto__":1,"v":1}'), 'name');
  refuses(
    'all fields and one that is called __proto__',
    JSON.parse(JSON.stringify(SOUND).replace('{', '{"__proto__":{},')),
    '',
  );
  refuses('all fields and one that is called constructor', { ...SOUND, constructor: 1 }, '');
  refuses('fields that are only inherited', Object.create(SOUND), 'v');
});

describe('isListOf', () => {
  const isPair = isListOf(isText, { least: 2, most: 2 });

  test.each([[['a']], [['a', 'b', 'c']], [['a', 1]], ['ab'], [{ 0: 'a', 1: 'b', length: 2 }]])(
    'refuses %j',
    (value) => {
      expect(isPair(value)).toBe(false);
    },
  );

  test('takes as many as it is told', () => {
    expect(isPair(['a', 'b'])).toBe(true);
  });
});

describe('each of them says what zod says', () => {
  const json = fc.jsonValue();
  const number = fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger());
  const year = fc.integer({ min: 0, max: 9999 }).map((n) => `${n}`.padStart(4, '0'));
  const pairs = (most: number) =>
    fc.integer({ min: 0, max: most }).map((n) => `${n}`.padStart(2, '0'));
  const moment = fc
    .tuple(year, pairs(13), pairs(32), pairs(25), pairs(60), pairs(60))
    .map(
      ([year, month, day, hour, minute, second]) =>
        `${year}-${month}-${day}T${hour}:${minute}:${second}`,
    );
  const end = fc.constantFrom('Z', '.5Z', '.123456Z', '', 'z', '+00:00', '.Z', ' Z', 'Z\n');

  function agrees(
    name: string,
    own: Is<unknown>,
    theirs: z.ZodType,
    values: fc.Arbitrary<unknown>,
  ): void {
    test(name, () => {
      fc.assert(
        fc.property(fc.oneof(json, values), (value) => {
          expect(own(value)).toBe(theirs.safeParse(value).success);
        }),
        { numRuns: 1000 },
      );
    });
  }

  agrees('isText', isText, z.string(), fc.string());
  agrees('isWord', isWord, z.string().min(1), fc.string({ maxLength: 1 }));
  agrees('isBoolean', isBoolean, z.boolean(), fc.boolean());
  agrees('isInteger', isInteger, z.int(), number);
  agrees('isCount', isCount, z.int().nonnegative(), number);
  agrees(
    'isMoment',
    isMoment,
    z.iso.datetime(),
    fc.tuple(moment, end).map((parts) => parts.join('')),
  );
  agrees(
    'isListOf',
    isListOf(isText, { most: 3 }),
    z.array(z.string()).max(3),
    fc.array(fc.string()),
  );
  agrees(
    'isShaped',
    (value): value is unknown => isShaped(SHAPE, value),
    z.strictObject({ v: z.literal(1), name: z.string().min(1), admin: z.boolean() }),
    fc.record(
      {
        v: fc.constantFrom(1, 2, '1'),
        name: fc.string({ maxLength: 2 }),
        admin: fc.oneof(fc.boolean(), json),
        more: fc.boolean(),
      },
      { requiredKeys: ['v', 'name'] },
    ),
  );
});
