import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { call } from '../support/api.ts';
import { MAIN, runKapgate, startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const TYPIST = fileURLToPath(new URL('../support/typist.py', import.meta.url));
const hasTypist =
  spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0;
if (!hasTypist)
  process.stderr.write('skipped: no python3 with a pty (passwords typed at a prompt)\n');
const testWithTerminal = hasTypist ? test : test.skip;

let upstream: RecordingUpstream;
let dir: TempDir;
let gateway: GatewayProcess;

beforeAll(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204));
  gateway = await startGateway({ dir: dir.path, upstream: upstream.url });
});

afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
  await dir.remove();
});

/** True where the user is let in. HEAD asks no privilege. */
async function logsIn(user: string): Promise<boolean> {
  return (await call(gateway.port, 'HEAD', '/kapacitor/v1/ping', { user })).status === 204;
}

function users(...args: readonly string[]): readonly string[] {
  return ['--config', gateway.configFile, 'users', ...args];
}

describe('a password from standard input or a file', () => {
  test.each([
    ['plain', 'secret\n', 'secret'],
    ['without-end', 'secret', 'secret'],
    ['windows', 'secret\r\n', 'secret'],
    ['two-ends', 'secret\n\n', 'secret\n'],
    ['blanks', ' secret \n', ' secret '],
    ['unicode', 'sécret 😀\n', 'sécret 😀'],
    ['colons', 'a:b:c\n', 'a:b:c'],
  ])('is all of it but one line end: %s', async (name, input, password) => {
    const added = await runHere(users('add', name, '--password-stdin'), { input });
    expect(added).toEqual({ code: 0, stdout: '', stderr: `added user ${name}\n` });
    expect(await logsIn(`${name}:${password}`)).toBe(true);
    const file = join(dir.path, name);
    await writeFile(file, input.replace('s', 'S'));
    const changed = await runHere(users('passwd', name, '--password-file', file));
    expect(changed.code).toBe(0);
    expect(changed.stderr).toBe(
      `changed the password of ${name}; the old one is refused from now on\n`,
    );
    if (password.includes('s')) expect(await logsIn(`${name}:${password}`)).toBe(false);
    expect(await logsIn(`${name}:${password.replace('s', 'S')}`)).toBe(true);
  });

  test('comes through a pipe of the shell', async () => {
    const { code } = await runKapgate(users('add', 'piped', '--admin', '--password-stdin'), {
      input: 'from-a-pipe\n',
    });
    expect(code).toBe(0);
    expect(await logsIn('piped:from-a-pipe')).toBe(true);
  });
});

describe('a password at a prompt', () => {
  interface Typed {
    readonly screen: string;
    readonly code: number;
  }

  function type(name: string, steps: readonly (readonly [string, string])[]): Typed {
    const program = [process.execPath, MAIN, ...users('add', name)];
    const { stdout, stderr } = spawnSync('python3', [TYPIST, JSON.stringify(steps), ...program], {
      encoding: 'utf8',
    });
    if (stdout === '') throw new Error(stderr);
    return JSON.parse(stdout) as Typed;
  }

  testWithTerminal('is asked for twice and never shown', async () => {
    const { screen, code } = type('eva', [
      ['Password for eva: ', 'hidden-password\r'],
      ['Once more: ', 'hidden-password\r'],
    ]);
    expect({ screen, code }).toEqual({
      screen: 'Password for eva: \r\nOnce more: \r\nadded user eva\r\n',
      code: 0,
    });
    expect(await logsIn('eva:hidden-password')).toBe(true);
  });

  testWithTerminal('may be mended, and typed ahead', async () => {
    const { screen, code } = type('mia', [['Password for mia: ', 'péa\u007f\u007fx\rpx\r']]);
    expect(screen).toBe('Password for mia: \r\nOnce more: \r\nadded user mia\r\n');
    expect(code).toBe(0);
    expect(await logsIn('mia:px')).toBe(true);
  });

  testWithTerminal.each([
    ['two that differ', ['one\r', 'two\r'], 'kapgate: the two passwords differ'],
    ['none', ['\r', '\r'], 'kapgate: password is required'],
    ['Ctrl-C', ['half\u0003'], 'kapgate: no password given'],
    ['Ctrl-C at the second', ['one\r', 'on\u0003'], 'kapgate: no password given'],
    ['Ctrl-D', ['\u0004'], 'kapgate: no password given'],
  ])('%s makes nobody', async (_, typed, words) => {
    const prompts = ['Password for ada: ', 'Once more: '];
    const { screen, code } = type(
      'ada',
      typed.map((text, index) => [prompts[index] ?? '', text] as const),
    );
    expect(screen).toContain(words);
    expect(screen).not.toMatch(/half|one|two\r/);
    expect([1, 64]).toContain(code);
    expect((await runHere(users('show', 'ada'))).code).toBe(1);
  });
});
