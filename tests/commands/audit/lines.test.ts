import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { readLines } from '../../../src/commands/audit/lines.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import type { TempDir } from '../../support/temp-dir.ts';

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

async function read(name: string, content: string | Buffer) {
  const file = join(dir.path, name);
  await writeFile(file, content);
  const all = { lines: [] as string[], tooLong: 0 };
  for await (const { lines, tooLong } of readLines(file)) {
    all.lines.push(...lines);
    all.tooLong += tooLong;
  }
  return all;
}

const MIB = 1_048_576;

describe('readLines', () => {
  test('gives each line whole, wherever the pieces of the file end', async () => {
    const lines = Array.from(
      { length: 60_000 },
      (_, index) => `ä${'x'.repeat(index % 97)}${index}`,
    );
    expect(await read('many', `${lines.join('\n')}\n`)).toEqual({ lines, tooLong: 0 });
    expect(await read('many.gz', gzipSync(lines.join('\n')))).toEqual({ lines, tooLong: 0 });
  });

  test('leaves out empty lines, and takes a last one without an end', async () => {
    expect(await read('gaps', '\n\na\n\nb')).toEqual({ lines: ['a', 'b'], tooLong: 0 });
    expect(await read('nothing', '')).toEqual({ lines: [], tooLong: 0 });
  });

  test.each([65_537, MIB - 1, MIB, MIB + 1, 5 * MIB])(
    'keeps no line of %d bytes',
    async (length) => {
      const long = 'x'.repeat(length);
      expect(await read('long', `a\n${long}\nb\n`)).toEqual({ lines: ['a', 'b'], tooLong: 1 });
      expect(await read('first', `${long}\nb\n`)).toEqual({ lines: ['b'], tooLong: 1 });
      expect(await read('last', `a\n${long}`)).toEqual({ lines: ['a'], tooLong: 1 });
      expect(await read('two', `${long}\n${long}\nb`)).toEqual({ lines: ['b'], tooLong: 2 });
    },
  );
});
