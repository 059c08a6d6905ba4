import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KEYS, SECTIONS } from '../../src/config/defaults.ts';
import { labelOf, variableOf } from '../../src/config/key.ts';
import { runKapgate } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

let dir: TempDir;

beforeAll(async () => {
  dir = await createTempDir();
});

afterAll(() => dir.remove());

async function file(name: string, text: string): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, text);
  return path;
}

/** A line each, without "kapgate: ". */
async function problemsOf(path: string, env: Record<string, string> = {}): Promise<string[]> {
  const result = await runHere(['--config', path, 'users', 'list'], { env });
  expect({ code: result.code, stdout: result.stdout }).toEqual({ code: 1, stdout: '' });
  expect(result.stderr).not.toMatch(/^\s+at |Error:/m);
  const lines = result.stderr.trimEnd().split('\n');
  expect(lines.filter((line) => !line.startsWith('kapgate: '))).toEqual([]);
  return lines.map((line) => line.slice('kapgate: '.length));
}

describe('a configuration that cannot be', () => {
  test('a value that no key takes is told for every key at once, with what is allowed', async () => {
    const text = SECTIONS.map((section) => {
      const keys = KEYS.filter((key) => key.section === section);
      return `[${section}]\n${keys.map(({ name }) => `${name} = 1979-05-27\n`).join('')}`;
    });
    const problems = await problemsOf(await file('dates.toml', text.join('\n')));
    for (const key of KEYS) {
      const label = labelOf(key);
      const own = problems.filter((problem) => problem.startsWith(`${label}: `));
      expect({ label, count: own.length }).toEqual({ label, count: 1 });
      expect(own[0]).toContain(`Allowed: ${key.kind.allowed}`);
    }
    expect(problems).toHaveLength(KEYS.length);
  });

  test('a variable that no key takes is told by its name', async () => {
    const strict = KEYS.filter(({ kind }) => 'refused' in kind.decode(kind.fromText('?')));
    expect(strict.length).toBeGreaterThan(25);
    const env = Object.fromEntries(strict.map((key) => [`KAPGATE_${variableOf(key)}`, '?']));
    const problems = await problemsOf(await file('empty.toml', ''), env);
    for (const key of strict) {
      const own = problems.filter((each) => each.includes(`KAPGATE_${variableOf(key)}:`));
      expect(own.join('\n')).toContain(`Allowed: ${key.kind.allowed}`);
    }
  });

  test.each([
    [
      '[http]\nbind-adress = ":1"',
      /^\[http\] bind-adress: unknown key; did you mean bind-address\?/,
    ],
    ['[htpp]\n', /^\[htpp\]: unknown section; did you mean http\?/],
    ['[auth\n', /\.toml, .*line 1/],
    ['[http]\nauth-enabled: true', /auth-enabled = true/],
    ['[http]\nworkers = 1\nworkers = 2', /\.toml, line 3, .*twice: keep one/],
    ['[auth]\nenabled = false', /\[http\] auth-enabled = true \(by default\) contradicts \[auth\]/],
    ['[http]\nbind-address = "127.0.0.1:9192"', /the gateway would forward to itself/],
    ['[http]\nshared-secret = "brief"', /\[http\] shared-secret: .*Allowed: a text of 16 bytes/],
    ['[store]\npath = ""', /\[store\] path: .*Allowed: a path/],
    ['[[http]]\n', /\[http\]: found \[\[http\]\] in .*Write \[http\] once/],
    ['workers = 1\n', /"?workers"?: this key stands before any section/],
  ])('%j is told in a sentence', async (text, sentence) => {
    const [first = ''] = await problemsOf(await file('one.toml', text));
    expect(first).toMatch(sentence);
    expect(first).not.toContain('brief');
  });

  test('a file that is not there, or is none, is told', async () => {
    await mkdir(join(dir.path, 'a-directory'), { recursive: true });
    expect(await problemsOf(join(dir.path, 'nowhere.toml'))).toEqual([
      `cannot read the configuration "${join(dir.path, 'nowhere.toml')}": there is no such file`,
    ]);
    expect((await problemsOf(join(dir.path, 'a-directory')))[0]).toContain('it is a directory');
  });

  test('serve and check end with 1 for it', async () => {
    const path = await file('bad.toml', '[http]\nworkers = "many"\n[log]\nlevel = "loud"\n');
    const served = await runKapgate(['-config', path]);
    expect({ code: served.code, stdout: served.stdout }).toEqual({ code: 1, stdout: '' });
    expect(served.stderr.match(/^kapgate: \[(?:http|log)\] \w+: .*Allowed: /gm)).toHaveLength(2);
    const checked = await runHere(['-config', path, 'check']);
    expect({ code: checked.code, stderr: checked.stderr }).toEqual({ code: 1, stderr: '' });
    expect(checked.stdout.match(/^fault {4}config {4}\[(?:http|log)\]/gm)).toHaveLength(2);
  });
});

const SECRETS = [
  ['http', 'shared-secret', 'canary-shared-secret'],
  ['auth', 'meta-password', 'canary-meta-password'],
  ['auth', 'meta-internal-shared-secret', 'canary-internal-secret'],
] as const;

describe('config', () => {
  test('no secret is printed, wherever it was said', async () => {
    const path = await file(
      'secrets.toml',
      `[http]\nshared-secret = "${SECRETS[0][2]}"\n[auth]\nmeta-password = "${SECRETS[1][2]}"\n`,
    );
    const secretFile = await file('secret', `${SECRETS[2][2]}\n`);
    await chmod(secretFile, 0o600);
    const env = { KAPGATE_AUTH_META_INTERNAL_SHARED_SECRET_FILE: secretFile };
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await runHere(['--config', path, 'config', ...json], {
        env,
      });
      expect(code).toBe(0);
      expect(stdout + stderr).not.toMatch(/canary/);
      expect(stdout.match(/\[redacted\]/g)).toHaveLength(SECRETS.length);
    }
  });

  test('each key is there with its value and who said it', async () => {
    const path = await file('values.toml', '[log]\nlevel = "warn"\n');
    const env = { KAPGATE_LOG_FORMAT: 'json' };
    const { stdout } = await runHere(['--config', path, 'config', '--json'], { env });
    const text = JSON.stringify(JSON.parse(stdout));
    for (const key of KEYS) expect(text).toContain(key.name);
    expect(text).toContain(path);
    expect(text).toContain('KAPGATE_LOG_FORMAT');
    const plain = await runHere(['--config', path, 'config'], { env });
    expect(plain.stdout).toMatch(/level\s*=\s*"warn".*values\.toml/);
    expect(plain.stdout).toMatch(/format\s*=\s*"json".*KAPGATE_LOG_FORMAT/);
  });

  test('--docs is what docs/configuration.md is made of', async () => {
    const { code, stdout } = await runHere(['config', '--docs']);
    expect(code).toBe(0);
    for (const key of KEYS) expect(stdout).toContain(key.meaning);
  });
});
