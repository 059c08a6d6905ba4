import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KEYS } from '../../src/config/defaults.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const EPOCH = { SOURCE_DATE_EPOCH: '1767312000' };

let dir: TempDir;
let pages: readonly string[];

beforeAll(async () => {
  dir = await createTempDir();
  const result = await runHere(['manual', dir.path], { env: EPOCH });
  expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
  pages = await readdir(join(dir.path, 'man'));
});

afterAll(() => dir.remove());

const pageOf = (name: string): Promise<string> => readFile(join(dir.path, 'man', name), 'utf8');

/** As a reader sees it: roff's marks taken off. */
const plain = (page: string): string =>
  page
    .replace(/\\f[BR]/g, '')
    .replaceAll('\\-', '-')
    .replaceAll('\\e', '\\')
    .replaceAll('\\(cq', '’')
    .replaceAll('\\&', '');

describe('manual', () => {
  test('has a page for each command that kapgate --help shows, and one for the configuration', async () => {
    const { stdout } = await runHere(['--help']);
    const commands = Array.from(
      (stdout.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}(\w+)/gm),
      ([, name = '']) => `kapgate-${name}.1`,
    );
    expect(commands.length).toBeGreaterThan(10);
    expect(pages.toSorted()).toEqual([...commands, 'kapgate.1', 'kapgate.toml.5'].toSorted());
  });

  test.each([
    ['kapgate-audit.1', ['audit']],
    ['kapgate-explain.1', ['explain']],
    ['kapgate-users.1', ['users', 'add']],
    ['kapgate-users.1', ['users', 'import']],
    ['kapgate-subscriptions.1', ['subscriptions', 'rotate']],
  ])('%s says of each option what %j --help says', async (file, words) => {
    const page = plain(await pageOf(file)).replace(/\s+/g, ' ');
    const { stdout } = await runHere([...words, '--help']);
    const own = stdout.split('\nGlobal Options:\n')[0] ?? '';
    const terms = [...own.matchAll(/^ {2}((?:-\w, )?--[\w-]+(?: [<[][^ ]+)?) /gm)];
    expect(terms.length).toBeGreaterThan(1);
    for (const [, term = ''] of terms) expect(page).toContain(`.TP .B ${term} `);
    const examples = (stdout.split('\nExamples:\n')[1] ?? '').trim().split('\n');
    for (const line of examples) expect(page).toContain(line.trim().replace(/\s+/g, ' '));
  });

  test('kapgate.toml(5) has each key with its meaning, default and what is allowed', async () => {
    const page = plain(await pageOf('kapgate.toml.5'));
    for (const key of KEYS) {
      expect(page).toContain(`.SS "[${key.section}] ${key.name}"\n${key.meaning}\n`);
      expect(page).toContain(`Allowed: ${key.kind.allowed}`);
    }
    expect(page).not.toMatch(/`|\]\(/);
  });

  test('is the same whenever it is made, where a build says its time', async () => {
    const other = await createTempDir();
    await runHere(['manual', other.path], { env: EPOCH });
    const [one, two] = [dir, other].map(({ path }) =>
      execFileSync('sh', ['-c', 'cat man/* completions/*'], { cwd: path, encoding: 'utf8' }),
    );
    expect(one).toBe(two);
    expect(await pageOf('kapgate.1')).toContain('.TH KAPGATE 1 "2026-01-02" "Kapgate 0.0.0"');
    await other.remove();
  });

  test('makes the completions beside them', async () => {
    for (const [shell, file] of [
      ['bash', 'kapgate'],
      ['zsh', '_kapgate'],
    ]) {
      const { stdout } = await runHere(['completion', shell ?? '']);
      expect(await readFile(join(dir.path, 'completions', file ?? ''), 'utf8')).toBe(stdout);
    }
  });
});

const LINTERS: readonly (readonly [string, ...(readonly string[])])[] = [
  ['mandoc', '-T', 'lint', '-W', 'warning'],
  ['man', '--warnings', '-E', 'UTF-8', '-Z', '-l'],
];

describe.each(LINTERS)('the man pages before %s', (program, ...args) => {
  const isThere = spawnSync(program, ['--help']).error === undefined;
  if (!isThere) process.stderr.write(`skipped: no ${program} (man pages)\n`);
  (isThere ? test : test.skip)('give no warning', () => {
    const warnings = pages.flatMap((page) => {
      const path = join(dir.path, 'man', page);
      const { stdout, stderr } = spawnSync(program, [...args, path], { encoding: 'utf8' });
      return program === 'mandoc' ? [stdout + stderr] : [stderr];
    });
    expect(warnings.join('')).toBe('');
  });
});
