import { describe, expect, test } from '@jest/globals';
import { parseToml } from '../../src/config/toml.ts';

describe('parseToml', () => {
  const OTHERWISE =
    'a line is a [section], a key = value, or a # comment; texts and durations stand in quotes';

  test.each([
    [
      '[http]\n  auth-enabled: true',
      'line 2, column 15: TOML parts key and value by "=": write auth-enabled = true',
    ],
    [
      'bind-address: ":9092"',
      'line 1, column 13: TOML parts key and value by "=": write bind-address = "…"',
    ],
    [
      'bcrypt-cost: 10 # cost',
      'line 1, column 12: TOML parts key and value by "=": write bcrypt-cost = 10',
    ],
    ['a = True', 'line 1, column 5: true and false are the two values of a switch: write a = true'],
    ['a = off', 'line 1, column 5: true and false are the two values of a switch: write a = false'],
    ['a = 10m', 'line 1, column 7: texts and durations stand in quotes: write a = "…"'],
    ['a = :9092', 'line 1, column 5: texts and durations stand in quotes: write a = "…"'],
    ['a = ”x”', 'line 1, column 5: texts and durations stand in quotes: write a = "…"'],
    ['a =', 'line 1, column 4: a has no value: write a = …'],
    ['a = # none', 'line 1, column 5: a has no value: write a = …'],
    ['[http\na = 1', 'line 1, column 6: the closing bracket is missing: write [http]'],
    ['[shared-secret = "s3cret"', 'line 1, column 16: the closing bracket is missing on this line'],
    ['a = "x\nb = 1', 'line 1, column 7: the closing quote is missing on this line'],
    [
      'a = "C:\\q"',
      'line 1, column 9: in double quotes a backslash begins an escape: write \\\\, or use single quotes',
    ],
    [
      'a = 1\na = 2',
      'line 2, column 1: this key or section stands in the file twice: keep one of them',
    ],
    [
      '[a]\n[a]',
      'line 2, column 2: this key or section stands in the file twice: keep one of them',
    ],
    ['a = 99999999999999999999', 'line 1, column 5: the number is too large'],
    ['a', `line 1, column 1: incomplete key-value: cannot find end of key: ${OTHERWISE}`],
  ])('says how to write %j', (text, refused) => {
    expect(parseToml(text)).toEqual({ refused });
  });

  test.each([
    'shared-secret = "CANARY',
    'shared-secret = CANARY',
    'shared-secret: CANARY',
    'shared-secret: "CANARY"',
    'shared-secret "CANARY"',
    'shared-secret = "CAN\\ARY"\n',
    'shared-secret = "x" CANARY',
    '"CANARY',
  ])('does not repeat what may be a secret: %j', (text) => {
    expect(JSON.stringify(parseToml(text))).toMatch(/^\{"refused":"line 1, (?!.*CAN)/);
  });

  test('takes a document that has a key called refused', () => {
    expect(parseToml('refused = "x"')).toEqual({ document: { refused: 'x' } });
  });
});
