import { describe, expect, test } from '@jest/globals';
import { PassThrough } from 'node:stream';
import { finished } from 'node:stream/promises';
import fc from 'fast-check';
import { passLines } from '../../src/cluster/lines.ts';
import { intoText } from '../support/streams.ts';

async function pass(chunks: readonly (string | Buffer)[]): Promise<readonly string[]> {
  const from = new PassThrough();
  const written: string[] = [];
  passLines(
    from,
    intoText((text) => written.push(text)),
  );
  for (const chunk of chunks) from.write(chunk);
  from.end();
  await finished(from);
  return written;
}

describe('passLines', () => {
  test('writes whole lines, however they come', async () => {
    expect(await pass(['on', 'e\ntw', 'o\nthree\nfo', 'ur\n'])).toEqual([
      'one\n',
      'two\nthree\n',
      'four\n',
    ]);
  });

  test('writes what is left without a newline at the end', async () => {
    expect(await pass(['one\ntw', 'o'])).toEqual(['one\n', 'two']);
  });

  test('does not gather a line without an end', async () => {
    const part = 'x'.repeat(600_000);
    expect((await pass([part, part, part])).map(({ length }) => length)).toEqual([
      1_200_000, 600_000,
    ]);
  });

  test('no character is cut, and nothing is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme' }),
        fc.integer({ min: 1, max: 5 }),
        async (text, size) => {
          const bytes = Buffer.from(text);
          const chunks: Buffer[] = [];
          for (let at = 0; at < bytes.length; at += size)
            chunks.push(bytes.subarray(at, at + size));
          expect((await pass(chunks)).join('')).toBe(bytes.toString());
        },
      ),
      { numRuns: 200 },
    );
  });
});
