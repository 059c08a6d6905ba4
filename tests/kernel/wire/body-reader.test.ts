import { describe, expect, test } from '@jest/globals';
import { BadMessage } from '../../../src/kernel/wire/bad-message.ts';
import { bodyReader } from '../../../src/kernel/wire/body-reader.ts';
import type { BodyReader } from '../../../src/kernel/wire/body-reader.ts';

/** What of these pieces is body; they are read one behind the other. */
function read(reader: BodyReader, ...pieces: readonly string[]): string {
  const body: string[] = [];
  for (const piece of pieces) {
    reader.read(Buffer.from(piece, 'latin1'), 0, (part) => void body.push(part.toString('latin1')));
  }
  return body.join('');
}

describe('bodyReader', () => {
  test.each([
    [4, 'go', 'od', 'good'],
    ['chunked', '4;a=b\r\ngo', 'od\r\n0\r\nX-T: u\r\n\r\n', 'good'],
    ['chunked', '1\r\na\r', '\n0\r\n\r\n', 'a'],
    ['chunked', '0', '\r\n\r\n', ''],
    ['chunked', '1\r\na\r\n0\r\nX-T: ', 'u\r\n\r\n', 'a'],
  ] as const)(
    '%j: a copy amid %j and %j is as far, and changes nothing',
    (length, first, second, body) => {
      const reader = bodyReader(length);
      const begun = read(reader, first);
      const copy = reader.copy();
      expect(begun + read(copy, second)).toBe(body);
      expect([copy.isWhole, reader.isWhole]).toEqual([true, false]);
      expect(begun + read(reader, second)).toBe(body);
      expect(reader.isWhole).toBe(true);
    },
  );

  test.each([
    ['2\r\nabc\r\n0\r\n\r\n', false],
    ['2\r\nabcdefgh', false],
    ['2\r\nab\n', false],
    ['zz\r\n', false],
    ['20000000000000\r\n', false],
    [`2;${'x'.repeat(300)}`, true],
    [`0\r\nX: ${'x'.repeat(20_000)}`, true],
    [`0\r\n${'X: y\r\n'.repeat(5_000)}`, true],
  ])(
    'chunks of %.30j are refused, whole and byte by byte; for their length alone: %j',
    (text, isTooLong) => {
      for (const pieces of [[text], text.split('')]) {
        expect(() => read(bodyReader('chunked'), ...pieces)).toThrow(BadMessage);
        expect(() => read(bodyReader('chunked'), ...pieces)).toThrow(
          expect.objectContaining({ isTooLong }),
        );
      }
    },
  );
});
