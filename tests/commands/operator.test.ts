import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readText } from '../../src/config/read-text.ts';
import { UserStoreError } from '../../src/users/fault.ts';
import { MAIN, runKapgate, writeConfig } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const TYPIST = fileURLToPath(new URL('../support/typist.py', import.meta.url));
const hasTypist =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0;
if (!hasTypist) process.stderr.write('skipped: no python3 with a pty (colours of a terminal)\n');
const testWithTerminal = hasTypist ? test : test.skip;
const TIMEOUT_MS = 300_000;

let dir: TempDir;
let config: string;

beforeAll(async () => {
  dir = await createTempDir();
  config = await writeConfig({ dir: dir.path, port: 1, upstream: 'http://127.0.0.1:2' });
});

afterAll(() => dir.remove());

/** Runs it in a terminal, and returns what stands there. */
function screenOf(args: readonly string[], env: Readonly<Record<string, string>> = {}): string {
  const program = [process.execPath, MAIN, '--config', config, ...args];
  const { stdout, stderr } = spawnSync('python3', [TYPIST, '[]', ...program], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', TERM: 'xterm', ...env },
  });
  expect(stderr).toBe('');
  return (JSON.parse(stdout) as { screen: string }).screen;
}

const [RED, GREEN] = ['\u001b[31m', '\u001b[32m'];
const ESCAPE = '\u001b';

describe('colours', () => {
  testWithTerminal(
    'are there for a verdict that somebody sees on a terminal, and for nobody else',
    async () => {
      expect(screenOf(['check'])).toMatch(
        /\u001b\[32mok +\u001b\[39m {2}config[^]*\u001b\[31mfault/,
      );
      expect(screenOf(['--help'])).toContain(`${ESCAPE}[1m`);
      for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
        const screen = screenOf(['check'], env);
        expect(screen).toContain('fault');
        expect(screen).not.toContain(ESCAPE);
      }
      const piped = await runKapgate(['--config', config, 'check'], { env: { TERM: 'xterm' } });
      expect(piped.stdout).toContain('fault');
      expect(piped.stdout).not.toContain(ESCAPE);
    },
    TIMEOUT_MS,
  );

  testWithTerminal(
    'show what explain and doctor come to',
    async () => {
      const input = 'password\n';
      const adding = ['--config', config, 'users', 'add', 'eva', '--password-stdin'];
      expect((await runHere(adding, { input })).code).toBe(0);
      const asked = ['explain', '--user', 'eva', 'GET', '/kapacitor/v1/tasks'];
      expect(screenOf(asked)).toContain(`${RED}denied`);
      const grant = ['--config', config, 'users', 'grant', 'eva', 'api:read'];
      expect((await runHere(grant)).code).toBe(0);
      expect(screenOf(asked)).toContain(`${GREEN}allowed`);
      expect(screenOf(['doctor'])).toContain(`${RED}fault`);
    },
    TIMEOUT_MS,
  );
});

describe('who may not read', () => {
  const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' });

  test('the store is told whom to be, and whose it must be', () => {
    const { message } = new UserStoreError('open', '/var/lib/kapgate', denied);
    expect(message).toContain('sudo -u kapgate');
    expect(message).toContain('chown -R kapgate');
  });

  test('the configuration or a secret is told whom to be', () => {
    const reading = readText(() => {
      throw denied;
    }, '/etc/kapgate/gateway.toml');
    expect(reading).toMatchObject({ refused: expect.stringContaining('sudo') as unknown });
  });
});

describe('check', () => {
  test.each([
    ['log', '[log] file'],
    ['audit', '[audit] file'],
  ])('has a line for the %s file, and a fault where it cannot be written', async (part, key) => {
    const lines = async (path: string): Promise<string> => {
      const settings = { [part]: { file: JSON.stringify(path) } };
      const file = await writeConfig({
        ...{ dir: join(dir.path, part), port: 1, upstream: 'http://127.0.0.1:2', settings },
      });
      return (await runHere(['--config', file, 'check'])).stdout;
    };
    await mkdir(join(dir.path, part), { recursive: true });
    const good = join(dir.path, `${part}.log`);
    expect(await lines(good)).toMatch(new RegExp(`^ok +${part} +${good}$`, 'm'));
    expect(await lines(join(dir.path, 'missing', 'a.log'))).toMatch(
      new RegExp(`^fault +${part} +\\${key} .* cannot be written: ENOENT`, 'm'),
    );
    expect(await lines(dir.path)).toMatch(/cannot be written: it is a directory/);
  });
});

describe('users list', () => {
  testWithTerminal(
    'says how to make the first user, to a person',
    async () => {
      const empty = await createTempDir();
      config = await writeConfig({ dir: empty.path, port: 1, upstream: 'http://127.0.0.1:2' });
      expect(screenOf(['users', 'list'])).toContain('kapgate users add NAME --admin');
      expect((await runHere(['--config', config, 'users', 'list'])).stderr).toBe('');
      await empty.remove();
    },
    TIMEOUT_MS,
  );
});
