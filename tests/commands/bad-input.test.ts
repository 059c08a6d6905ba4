import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runKapgate, writeConfig } from '../support/gateway-process.ts';
import type { CommandResult } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const [FAILED, DENIED, USAGE] = [1, 2, 64];

let dir: TempDir;
let configFile: string;

beforeAll(async () => {
  dir = await createTempDir();
  configFile = await writeConfig({ dir: dir.path, upstream: 'http://127.0.0.1:1', port: 2 });
  const input = 'a-password';
  await run(['users', 'add', 'root', '--admin', '--password-stdin'], { input });
  await run(['users', 'add', 'stan', '-p', 'api', '--password-stdin'], { input });
  await writeFile(join(dir.path, 'latin1'), Buffer.from('p\xe4ssword\n', 'latin1'));
  await mkdir(join(dir.path, 'directory'));
});

afterAll(() => dir.remove());

interface Given {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

function run(args: readonly string[], given: Given = {}): ReturnType<typeof runHere> {
  return runHere(['--config', configFile, ...args], given);
}

/** For the operator: words to go on with, and no trace of the program's inside. */
function expectSentence(stderr: string): void {
  expect(stderr).toMatch(/\w+ \w+/);
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stderr).not.toMatch(/\w*Error:/);
  expect(stderr).not.toMatch(/node:|\.[jt]s\b|undefined|\[object/);
}

async function refuses(
  args: readonly string[],
  code: number,
  sentence: RegExp | string,
  given: Given = {},
): Promise<void> {
  const result = await run(args, given);
  expect({ args, code: result.code, stdout: result.stdout }).toEqual({ args, code, stdout: '' });
  expect(result.stderr).toMatch(sentence);
  expectSentence(result.stderr);
}

describe('kapgate', () => {
  test.each([
    [['usres', 'list'], "unknown command 'usres'\n(Did you mean users?)"],
    [['chekc'], "unknown command 'chekc'\n(Did you mean check?)"],
    [['frobnicate'], "unknown command 'frobnicate'\n(kapgate --help"],
    [['help', 'usres'], "unknown command 'usres'\n(Did you mean users?)"],
    [['help', 'users', 'ad'], "unknown command 'ad'\n(Did you mean add?)"],
    [['users', 'lst'], "unknown command 'lst'\n(Did you mean list?)"],
    [['serve', 'now'], "too many arguments for 'serve'"],
    [['check', '--jsno'], "unknown option '--jsno'\n(Did you mean --json?)"],
    [['--frob'], "unknown option '--frob'"],
    [['-x', 'serve'], "unknown option '-x'"],
    [['users', 'add', 'eva', '--password', 'hunter2'], "unknown option '--password'"],
    [['--config'], "option '-c, --config <file>' argument missing"],
    [['-config'], "option '-c, --config <file>' argument missing"],
    [['users'], 'kapgate users add root --admin'],
  ])('%j is a wrong use of the command line', async (args, sentence) => {
    await refuses(args, USAGE, sentence);
  });
});

describe('users', () => {
  test.each([
    [['add'], /missing required argument 'name'/],
    [['add', 'eva', 'mia'], /too many arguments for 'add'/],
    [['add', 'eva mia'], /username must contain only letters, numbers, .* "eva mia"/],
    [['add', ''], /username is required/],
    [['add', '..'], /username must not be "\." or "\.\."/],
    [['add', 'a'.repeat(256)], /username must be at most 255 bytes/],
    [['add', 'eva', '-p', 'everything'], /unknown permission "everything": .*write_points/],
    [['add', 'eva', '-p', 'api:/users'], /"api:\/users": .* for admins only/],
    [['add', 'eva', '-p', 'api:write,'], /unknown permission "api:write,"/],
    [['add', 'eva', '--admin', '-p', 'api'], /--admin and --permission exclude each other/],
    [['add', 'eva'], /give --password-stdin or --password-file FILE/],
    [
      ['add', 'eva', '--password-stdin', '--password-file', 'x'],
      /--password-file <file>' cannot be used with option '--password-stdin'/,
    ],
    [['show'], /missing required argument 'name'/],
    [['show', 'a b'], /username must contain only letters/],
    [['show', '\u001b[31m'], /"\\x1b\[31m"/],
    [['passwd'], /missing required argument 'name'/],
    [['passwd', 'stan'], /give --password-stdin or --password-file FILE/],
    [['delete'], /missing required argument 'name'/],
    [['delete', 'a/b'], /username must contain only letters/],
    [['grant', 'stan'], /missing required argument 'permissions'/],
    [['grant', 'stan', 'api', 'root'], /unknown permission "root"/],
    [['grant', 'stan', 'admin', 'api'], /grant either admin or permissions/],
    [['revoke', 'stan'], /missing required argument 'permissions'/],
    [['revoke', 'stan', 'root'], /unknown permission "root"/],
    [['list', 'all'], /too many arguments for 'list'/],
  ])('%j is a wrong use of the command line', async (args, sentence) => {
    await refuses(['users', ...args], USAGE, sentence);
  });

  test.each([
    [['show', 'eva'], /there is no user "eva": kapgate users list/],
    [['show', '__proto__'], /there is no user "__proto__"/],
    [['passwd', 'eva', '--password-stdin'], /there is no user "eva"/],
    [['delete', 'eva'], /there is no user "eva"/],
    [['grant', 'eva', 'api'], /there is no user "eva"/],
    [['revoke', 'eva', 'api'], /there is no user "eva"/],
    [['revoke', 'stan', 'config_api'], /stan does not have config_api: stan has api/],
    [['revoke', 'stan', 'all'], /stan does not have all: stan has api/],
    [['revoke', 'stan', 'admin'], /stan does not have admin: stan has api/],
    [['grant', 'root', 'api'], /root is an admin and may do all already/],
    [['delete', 'root'], /"root" is the last admin: .*users grant NAME admin/],
    [['revoke', 'root', 'admin'], /"root" is the last admin/],
    [['add', 'stan', '--password-stdin'], /user "stan" exists already/],
  ])('%j fails, with a sentence', async (args, sentence) => {
    await refuses(['users', ...args], FAILED, sentence, { input: 'some-password\n' });
  });

  test.each([
    ['nowhere', FAILED, /password file ".*nowhere": there is no such file/],
    ['directory', FAILED, /password file ".*directory": it is a directory/],
    ['latin1', FAILED, /password file ".*latin1" must be UTF-8/],
  ])('the password file %j is refused', async (name, code, sentence) => {
    const file = join(dir.path, name);
    await refuses(['users', 'add', 'eva', '--password-file', file], code, sentence);
    expect((await run(['users', 'show', 'eva'])).code).toBe(FAILED);
  });

  test.each([
    ['', /password is required/],
    ['\n', /password is required/],
    ['\r\n', /password is required/],
    ['x'.repeat(73), /password must be at most 72 bytes long in UTF-8/],
    ['ä'.repeat(37), /password must be at most 72 bytes long in UTF-8/],
    ['a\0b', /password must not contain the character NUL/],
  ])('no password is %j', async (input, sentence) => {
    await refuses(['users', 'add', 'eva', '--password-stdin'], USAGE, sentence, { input });
    await refuses(['users', 'passwd', 'stan', '--password-stdin'], USAGE, sentence, { input });
    await refuses(['hash', '--password-stdin'], USAGE, sentence, { input });
  });
});

describe('explain, token, hash and try', () => {
  test.each([
    [['explain', 'GET', '/kapacitor/v1/ping'], /required option '--user <name>' not specified/],
    [['explain', '--user', 'stan'], /missing required argument 'method'/],
    [['explain', '--user', 'stan', 'GET'], /missing required argument 'target'/],
    [['token'], /required option '--user <name>' not specified/],
    [['hash', '--cost', '3'], /--cost "3": allowed is a whole number from 4 to 31/],
    [['hash', '--cost', '32'], /--cost "32": allowed is a whole number from 4 to 31/],
    [['hash', '--cost', 'ten'], /--cost "ten": allowed is a whole number/],
    [['hash', '--cost', '4.5'], /--cost "4\.5": allowed is a whole number/],
    [['hash'], /give --password-stdin or --password-file FILE/],
    [['try', '--upstream', 'kapacitor'], /found "kapacitor" in --upstream: .*Allowed: http/],
    [['try', '--upstream', 'http://u:p@h:1'], /in --upstream: .*Allowed: http/],
  ])('%j is a wrong use of the command line', async (args, sentence) => {
    await refuses(args, USAGE, sentence);
  });

  test.each([
    [['explain', '--user', 'eva', 'GET', '/kapacitor/v1/ping'], /there is no user "eva"/],
    [['token', '--user', 'stan'], /tokens are off: set \[http\] shared-secret \(16 bytes/],
  ])('%j fails, with a sentence', async (args, sentence) => {
    await refuses(args, FAILED, sentence);
  });

  test.each(['soon', '', '0s', '-1h', '1', '999ms', '1d'])(
    'a token cannot expire after %j',
    async (expires) => {
      const env = { KAPGATE_HTTP_SHARED_SECRET: 'sixteen-bytes-or-more' };
      const args = ['token', '--user', 'stan', `--expires=${expires}`];
      await refuses(args, USAGE, /--expires ".*": allowed is a duration of at least 1s/, { env });
    },
  );

  test('no token is made for nobody', async () => {
    const env = { KAPGATE_HTTP_SHARED_SECRET: 'sixteen-bytes-or-more' };
    await refuses(['token', '--user', 'eva'], FAILED, /there is no user "eva"/, { env });
  });
});

describe('the program', () => {
  test.each([
    [['users', 'show', 'eva'], FAILED],
    [['explain', '--user', 'stan', 'GET', '/kapacitor/v1/config'], DENIED],
    [['usres'], USAGE],
  ])('%j ends with the exit code of its command', async (args, code) => {
    expect((await runKapgate(['--config', configFile, ...args])).code).toBe(code);
  });

  test('try promises nothing before a Kapacitor that is not there', async () => {
    const result = await runKapgate(['try', '--upstream', 'http://127.0.0.1:1']);
    expect({ code: result.code, stdout: result.stdout }).toEqual({ code: FAILED, stdout: '' });
    expect(result.stderr).toMatch(
      /^kapgate: cannot try it before http:\/\/127\.0\.0\.1:1: connect/,
    );
    expectSentence(result.stderr);
  });

  test('a store that cannot be made is told in a sentence, by every command', async () => {
    const env = { KAPGATE_STORE_PATH: '/dev/null/store' };
    for (const args of [
      ['users', 'list'],
      ['serve'],
      ['explain', '--user', 'x', 'GET', '/write'],
    ]) {
      const result = await runKapgate(['--config', configFile, ...args], { env });
      expect(result.code).toBe(FAILED);
      expect(result.stderr).toContain('/dev/null/store');
      expectSentence(result.stderr);
    }
  });

  test('a reader who has seen enough is no failure', async () => {
    const result = await runInShell('| true');
    expect(result).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('a disk that is full is one, and told in a sentence', async () => {
    const { code, stderr } = await runInShell('> /dev/full');
    expect(code).toBe(FAILED);
    expect(stderr).toMatch(/^kapgate: cannot write to standard output: ENOSPC.*\n$/);
  });
});

/** `kapgate config` with its output led elsewhere: only a shell closes a pipe before it is written to. */
function runInShell(redirection: string): Promise<CommandResult> {
  const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
  const command = `'${process.execPath}' '${main}' --config '${configFile}' config`;
  const script = `exec 3>&1; { ${command}; echo "$?" >&3; } ${redirection}`;
  return new Promise((resolve) => {
    execFile('sh', ['-c', script], (_, stdout, stderr) => {
      resolve({ code: stdout === '' ? null : Number(stdout), stdout: '', stderr });
    });
  });
}
