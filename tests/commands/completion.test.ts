import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const TYPIST = fileURLToPath(new URL('../support/typist.py', import.meta.url));
const hasTypist =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0;
const TIMEOUT_MS = 300_000;

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
  for (const shell of ['bash', 'zsh']) {
    const { code, stdout, stderr } = await runHere(['completion', shell]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    await writeFile(join(dir.path, shell), stdout);
  }
  await mkdir(join(dir.path, 'here', 'a directory'), { recursive: true });
  await writeFile(join(dir.path, 'here', 'users file.jsonl'), '');
  await writeFile(join(dir.path, 'here', 'gateway.toml'), '');
});

afterAll(() => dir.remove());

function canRun(shell: string): boolean {
  const isThere = spawnSync(shell, ['--version']).error === undefined;
  if (!isThere) process.stderr.write(`skipped: no ${shell} (its completion)\n`);
  return isThere;
}

/** Types into a shell of its own, and returns what stands on its screen at the end. */
function typed(shell: readonly string[], steps: readonly (readonly [string, string])[]): string {
  const { stdout, stderr } = spawnSync('python3', [TYPIST, JSON.stringify(steps), ...shell], {
    encoding: 'utf8',
    cwd: join(dir.path, 'here'),
    env: { PATH: process.env['PATH'] ?? '', TERM: 'dumb', HOME: dir.path, PS1: '$ ' },
  });
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { screen: string }).screen;
}

(canRun('bash') ? describe : describe.skip)('completion in bash', () => {
  /** What bash would offer behind these words. */
  function offered(...words: readonly string[]): readonly string[] {
    const script = [
      `source "$1"; shift`,
      'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _kapgate',
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ];
    const args = ['--norc', '-c', script.join('\n'), 'bash', join(dir.path, 'bash')];
    const { stdout, stderr } = spawnSync('bash', [...args, 'kapgate', ...words], {
      encoding: 'utf8',
      cwd: join(dir.path, 'here'),
    });
    expect(stderr).toBe('');
    return stdout.split('\n').filter((line) => line !== '');
  }

  test.each([
    [['us'], ['users']],
    [['che'], ['check']],
    [['users', 'i'], ['import']],
    [['--config', 'gateway.toml', 'che'], ['check']],
    [['-config', 'gat'], ['gateway.toml']],
    [['users', 'import', 'u'], ['users file.jsonl']],
    [['users', 'import', '--fo'], ['--format']],
    [['users', 'import', '--format', 'ht'], ['htpasswd']],
    [['users', 'import', '--format', '=', 'ht'], ['htpasswd']],
    [
      ['users', 'import', '--format', '='],
      ['auto', 'htpasswd', 'kapacitor', 'kapgate', 'vmauth'],
    ],
    [['users', 'add', 'eva', '-p', 'c'], ['config_api']],
    [['users', 'grant', 'eva', 'api', 'ad'], ['admin']],
    [['users', 'grant', 'e'], []],
    [
      ['explain', '--user', 'eva', 'P'],
      ['PATCH', 'POST', 'PUT'],
    ],
    [['learn', 'one', 'two', 'gat'], ['gateway.toml']],
    [
      ['completion', ''],
      ['bash', 'zsh'],
    ],
    [['help', 'che'], ['check']],
    [['users', 'list', '--js'], ['--json']],
    [['users', 'list', '--con'], ['--config']],
    [['nonsense', ''], []],
    [['man'], []],
  ])('%j', (words, wanted) => {
    expect(offered(...words)).toEqual(wanted);
  });

  test('offers every command and every long option that help shows', async () => {
    const commands = offered('');
    const { stdout } = await runHere(['--help']);
    const listed = Array.from(
      (stdout.split('\nCommands:\n')[1]?.split('\n\n')[0] ?? '').matchAll(/^ {2}(\w+)/gm),
      ([, name = '']) => name,
    );
    expect(commands).toEqual(listed.toSorted());
    for (const command of commands) {
      const help = (await runHere([command, '--help'])).stdout;
      const options = [...help.matchAll(/^ {2}(?:-\w, )?(--[\w-]+)/gm)].map(([, name]) => name);
      expect(offered(command, '--')).toEqual(expect.arrayContaining(options));
    }
  });

  (hasTypist ? test : test.skip)(
    'works as it is typed, with names that need quotes',
    () => {
      const screen = typed(
        ['/bin/bash', '--norc', '--noprofile', '-i'],
        [
          ['', `source ${join(dir.path, 'bash')}; kapgate() { printf '<%s>' "$@"; echo; }\n`],
          ['source', "echo re''ady\n"],
          ['ready', 'kapgate che\t\n'],
          ['<check>', 'kapgate users imp\tus\t--form\tvm\t\n'],
          ['<vmauth>', 'exit\n'],
        ],
      );
      expect(screen).toContain('<check>');
      expect(screen).toContain('<users><import><users file.jsonl><--format><vmauth>');
    },
    TIMEOUT_MS,
  );
});

(canRun('zsh') && hasTypist ? describe : describe.skip)('completion in zsh', () => {
  test(
    'works as it is typed: commands, options, values and files',
    () => {
      const screen = typed(
        ['/usr/bin/env', 'zsh', '-f', '-i'],
        [
          ['', `PS1='$ '; autoload -U compinit; compinit -u -D; source ${join(dir.path, 'zsh')}\n`],
          ['source', "kapgate() { printf '<%s>' \"$@\"; echo }; echo re''ady\n"],
          ['ready', 'kapgate che\t\n'],
          ['<check>', 'kapgate users imp\tus\t--form\tvm\t\n'],
          ['vmauth>', 'kapgate --conf\tgat\tusers gr\teva adm\t\n'],
          ['<admin>', 'exit\n'],
        ],
      );
      expect(screen).toContain('<check>');
      expect(screen).toContain('<users><import><users file.jsonl><--format=vmauth>');
      expect(screen).toContain('<--config=gateway.toml><users><grant><eva><admin>');
    },
    TIMEOUT_MS,
  );
});

test('a shell that there is none for is wrong usage', async () => {
  const { code, stderr } = await runHere(['completion', 'fish']);
  expect(code).toBe(64);
  expect(stderr).toContain('Allowed choices are bash, zsh');
});
