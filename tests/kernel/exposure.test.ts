import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exposureOf } from '../../src/kernel/exposure.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
  await chmod(dir.path, 0o755);
  await mkdir(join(dir.path, 'closed'));
});

afterAll(() => dir.remove());

async function file(name: string, mode: number): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, 'a secret\n');
  await chmod(path, mode);
  return path;
}

describe('exposureOf', () => {
  test.each([0o600, 0o400, 0o640, 0o660, 0o440, 0o601])(
    '%o leaves others nothing',
    async (mode) => {
      expect(exposureOf(await file(`m${mode}`, mode))).toBeUndefined();
    },
  );

  test.each([
    [0o644, 'every user of this host can read it (mode 0644)'],
    [0o604, 'every user of this host can read it (mode 0604)'],
    [0o602, 'every user of this host can write it (mode 0602)'],
    [0o666, 'every user of this host can read and write it (mode 0666)'],
  ])('%o is told', async (mode, sentence) => {
    expect(exposureOf(await file(`m${mode}`, mode))).toBe(sentence);
  });

  test('a directory that others cannot enter keeps what is in it, however it is reached', async () => {
    const path = await file('closed/secret', 0o644);
    const link = join(dir.path, 'link');
    await symlink(path, link);
    expect(exposureOf(link)).toContain('mode 0644');
    for (const mode of [0o700, 0o750, 0o754]) {
      await chmod(join(dir.path, 'closed'), mode);
      expect([exposureOf(path), exposureOf(link)]).toEqual([undefined, undefined]);
    }
  });

  test('what is no file, or is not there, is not judged', () => {
    const pipe = join(dir.path, 'pipe');
    execFileSync('mkfifo', ['-m', '666', pipe]);
    for (const path of [pipe, dir.path, join(dir.path, 'missing'), '/dev/null']) {
      expect(exposureOf(path)).toBeUndefined();
    }
  });
});
