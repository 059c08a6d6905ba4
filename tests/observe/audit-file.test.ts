import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createReadStream, statSync } from 'node:fs';
import { readFile, rename, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { AuditFile } from '../../src/observe/audit-file.ts';
import { recordingLog } from '../support/open-gateway.ts';
import type { LoggedLine } from '../support/open-gateway.ts';
import { eventually } from '../support/eventually.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const NOW = Date.UTC(2026, 0, 2);

let dir: TempDir;
let path: string;
let logged: LoggedLine[];
let nowMs: number;

beforeEach(async () => {
  dir = await createTempDir();
  path = join(dir.path, 'audit.log');
  logged = [];
  nowMs = NOW;
});

afterEach(() => dir.remove());

function open(options: { readonly maxWaitingBytes?: number } = {}): AuditFile {
  return new AuditFile({
    ...{ path, log: recordingLog(logged), now: () => nowMs, retryMs: 10 },
    ...options,
  });
}

async function linesIn(file: string): Promise<readonly string[]> {
  const text = await readFile(file, 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text.split('\n').slice(0, -1);
}

const numbered = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, index) => `{"line":${index}}`);

describe('AuditFile', () => {
  test('appends lines in their order, in a file that others cannot read', async () => {
    await writeFile(path, '{"old":1}\n');
    const file = open();
    for (const line of numbered(1000)) file.append(line);
    await file.close();
    expect(await linesIn(path)).toEqual(['{"old":1}', ...numbered(1000)]);
    const made = join(dir.path, 'made.log');
    path = made;
    await open().close();
    expect((await stat(made)).mode & 0o027).toBe(0);
    expect(logged).toEqual([]);
  });

  test('begins a new line where the last writer was cut off in the middle of one', async () => {
    await writeFile(path, '{"half":');
    const file = open();
    file.append('{"whole":1}');
    await file.close();
    expect(await linesIn(path)).toEqual(['{"half":', '{"whole":1}']);
  });

  test('refuses a file that cannot be opened, by its name', () => {
    path = join(dir.path, 'missing', 'audit.log');
    expect(() => open()).toThrow(`cannot open the audit log "${path}": ENOENT`);
  });

  test('a full disk: lines wait, then are dropped, counted and told; what waits comes when there is room', async () => {
    await symlink('/dev/full', path);
    const file = open({ maxWaitingBytes: 100 });
    const lines = numbered(30);
    file.append(lines[0] ?? '');
    await eventually('the fault is told', () => logged.length > 0);
    expect(logged[0]).toMatchObject({ level: 'error', message: 'the audit log cannot be written' });
    expect(logged[0]?.fields).toMatchObject({ file: path, dropped: 0 });
    expect(logged[0]?.fields['cause']).toMatch(/ENOSPC/);
    // 11 bytes each: the tenth has no room.
    for (const line of lines.slice(1)) file.append(line);
    // Told once a minute, not for each line.
    expect(logged).toHaveLength(1);
    nowMs += 60_000;
    file.append('{"line":30}');
    expect(logged[1]?.fields).toMatchObject({ dropped: 22 });

    await unlink(path);
    file.reopen();
    await eventually('it is told that it works again', () =>
      logged.some(({ message }) => message === 'the audit log is written again'),
    );
    file.append('{"after":1}');
    await file.close();
    expect(await linesIn(path)).toEqual([
      ...lines.slice(0, 9),
      '{"time":"2026-01-02T00:01:00.000Z","event":"lines dropped","lines":22}',
      '{"after":1}',
    ]);
    expect(logged.at(-1)).toMatchObject({ level: 'warn', fields: { dropped: 22 } });
  });

  test('a disk that stands still holds a bounded number of lines, and nobody up', async () => {
    // A pipe that nobody reads takes 64 KiB, then stands still.
    execFileSync('mkfifo', [path]);
    const file = open({ maxWaitingBytes: 200_000 });
    const line = JSON.stringify({ text: 'x'.repeat(990) });
    const appended = 2000;
    for (let index = 0; index < appended; index++) file.append(line);
    await eventually('it is told', () => logged.length > 0);
    expect(logged[0]?.fields['cause']).toBe('the disk does not keep up');
    // It moves again.
    let text = '';
    const reader = createReadStream(path, 'utf8').on('data', (chunk) => (text += String(chunk)));
    await eventually('all that waited arrives', () => text.includes('lines dropped'));
    const lines = text.split('\n').filter((each) => each === line).length;
    expect(lines).toBeLessThanOrEqual(200);
    expect(text).toContain(`"lines":${appended - lines}}`);
    await file.close();
    reader.destroy();
  });

  test('reopen goes on in a new file, whole lines in each', async () => {
    const file = open();
    file.append('{"line":0}');
    const moved = join(dir.path, 'audit.log.1');
    await eventually('the first line is written', () => statSize(path) > 0);
    await rename(path, moved);
    file.reopen();
    let appended = 1;
    await eventually('the new file has lines', () => {
      file.append(`{"line":${appended++}}`);
      return statSize(path) > 0;
    });
    await file.close();
    expect([...(await linesIn(moved)), ...(await linesIn(path))]).toEqual(numbered(appended));
  });

  test('a reopen that fails goes on where it was, and says so', async () => {
    const file = open();
    const moved = join(dir.path, 'moved.log');
    await rename(path, moved);
    await symlink(join(dir.path, 'missing', 'audit.log'), path);
    file.reopen();
    await eventually('it is told', () => logged.length > 0);
    expect(logged[0]?.message).toMatch(/^cannot reopen the audit log/);
    file.append('{"line":0}');
    await file.close();
    expect(await linesIn(moved)).toEqual(['{"line":0}']);
  });

  test('what is lost at the end is counted', async () => {
    await symlink('/dev/full', path);
    const file = open();
    for (const line of numbered(5)) file.append(line);
    await file.close();
    expect(logged.at(-1)).toMatchObject({
      level: 'error',
      message: 'lines of the audit log are lost',
      fields: { lines: 5 },
    });
    file.append('{"late":1}');
  });
});

function statSize(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? -1;
}
