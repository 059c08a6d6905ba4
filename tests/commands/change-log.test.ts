import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { chown, mkdir, readFile, stat, symlink, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { runKapgate, writeConfig } from '../support/gateway-process.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { runHere } from './terminal.ts';

const ME = userInfo().username;
const BY_ME = { user: `cli:${ME}`, auth: 'cli' };

type Line = Readonly<Record<string, unknown>>;

let dir: TempDir;
let audit: string;
let config: string;

beforeEach(async () => {
  dir = await createTempDir();
  audit = join(dir.path, 'audit.log');
  config = await configWith(audit);
});

afterEach(() => dir.remove());

function configWith(file: string): Promise<string> {
  const settings = { audit: { file: JSON.stringify(file) } };
  return writeConfig({ dir: dir.path, port: 1, upstream: 'http://127.0.0.1:2', settings });
}

async function run(command: string, input = '', env: Record<string, string> = {}) {
  const result = await runHere(['--config', config, ...command.split(' ')], { input, env });
  expect({ command, ...result }).toMatchObject({ code: 0 });
  return result;
}

async function lines(): Promise<readonly Line[]> {
  const text = await readFile(audit, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => {
      const { time, ...rest } = JSON.parse(line) as Line;
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      return rest;
    });
}

describe('a command that changes the store', () => {
  test('leaves a line in the audit log: what it did to whom, and who ran it', async () => {
    await run('users add eva --admin --password-stdin', 'canary-eva\n');
    await run('users add stan -p api --password-stdin', 'canary-stan\n');
    await run('users passwd stan --password-stdin', 'canary-new\n');
    await run('users grant stan config_api');
    await run('users revoke stan api');
    await run('users grant stan admin');
    await run('users delete stan');
    const changed = { event: 'users changed', name: 'stan', ...BY_ME };
    expect(await lines()).toEqual([
      { ...changed, name: 'eva', action: 'created', type: 'admin', permissions: [] },
      { ...changed, action: 'created', type: 'normal', permissions: ['api'] },
      { ...changed, action: 'updated', password: 'changed' },
      { ...changed, action: 'updated', permissions: ['api', 'config_api'] },
      { ...changed, action: 'updated', permissions: ['config_api'] },
      { ...changed, action: 'updated', type: 'admin' },
      { ...changed, action: 'deleted' },
    ]);
    expect(await readFile(audit, 'utf8')).not.toMatch(/canary|\$2b\$/);
  });

  test('leaves one for each subscription too, and never the secret', async () => {
    const added = await run('subscriptions add influx --db telegraf --json');
    const rotated = await run('subscriptions rotate influx --json');
    await run('subscriptions rotate influx --confirm --force');
    await run('subscriptions revoke influx');
    const changed = { event: 'subscriptions changed', name: 'influx', ...BY_ME };
    expect(await lines()).toEqual([
      { ...changed, action: 'created', databases: ['telegraf'] },
      { ...changed, action: 'rotated' },
      { ...changed, action: 'old secret ended' },
      { ...changed, action: 'deleted' },
    ]);
    const text = await readFile(audit, 'utf8');
    for (const { stdout } of [added, rotated]) {
      const { path } = JSON.parse(stdout) as { path: string };
      expect(path.length).toBeGreaterThan(20);
      expect(text).not.toContain(path.slice('/sub/'.length));
    }
  });

  test('leaves one for each user and subscription that an import changes', async () => {
    await run('users add eva --admin --password-stdin', 'canary-eva\n');
    await run('users add stan -p api --password-stdin', 'canary-stan\n');
    await run('subscriptions add influx');
    const { stdout } = await run('users export');
    await run('users passwd stan --password-stdin', 'canary-new\n');
    await run('users revoke stan api');
    await run('subscriptions revoke influx');
    await writeFile(audit, '');
    const dry = await run('users import -', stdout);
    expect(dry.stderr).toContain('nothing was changed');
    expect(await readFile(audit, 'utf8')).toBe('');
    await run('users import - --apply', stdout);
    expect(await lines()).toEqual([
      {
        ...{ event: 'users changed', action: 'updated', name: 'stan', password: 'changed' },
        ...{ type: 'normal', permissions: ['api'], ...BY_ME },
      },
      {
        ...{ event: 'subscriptions changed', action: 'created', name: 'influx', databases: [] },
        ...BY_ME,
      },
    ]);
  });

  test('names the one who called sudo, and whom the command ran as', async () => {
    await run('users add eva --admin --password-stdin', 'pw\n', { SUDO_USER: 'ann\u202e\n' });
    expect(await lines()).toMatchObject([{ user: 'cli:ann\u202e\n', as: ME }]);
    expect((await readFile(audit, 'utf8')).trimEnd()).not.toMatch(/[\u202e\n]/);
  });

  test('leaves none where it changed nothing', async () => {
    await run('users add eva --admin --password-stdin', 'pw\n');
    await writeFile(audit, '');
    for (const refused of ['delete eva', 'revoke eva admin', 'delete nobody', 'grant nobody api']) {
      const { code } = await runHere(['--config', config, 'users', ...refused.split(' ')]);
      expect({ refused, code }).toEqual({ refused, code: 1 });
    }
    await run('users list');
    expect(await readFile(audit, 'utf8')).toBe('');
  });

  test('begins a new line where the last writer was cut off in the middle of one', async () => {
    await writeFile(audit, '{"half":');
    await run('users add eva --admin --password-stdin', 'pw\n');
    const [half, line] = (await readFile(audit, 'utf8')).split('\n');
    expect(half).toBe('{"half":');
    expect(JSON.parse(line ?? '')).toMatchObject({ name: 'eva' });
  });

  test.each([
    ['a directory that is not there', () => join(dir.path, 'missing', 'audit.log'), /ENOENT/],
    ['a full disk', () => '/dev/full', /ENOSPC/],
    ['a directory', () => dir.path, /EISDIR/],
  ])('is done all the same where the audit log is %s, and says so', async (_, file, reason) => {
    config = await configWith(file());
    const { stderr } = await run('users add eva --admin --password-stdin', 'pw\n');
    expect(stderr).toContain(`the audit log "${file()}" does not have it`);
    expect(stderr).toMatch(reason);
    expect((await run('users list')).stdout).toContain('eva');
  });

  test('says that standard output of the gateway does not have it', async () => {
    config = await configWith('-');
    const { stdout, stderr } = await run('users add eva --admin --password-stdin', 'pw\n');
    expect(stdout).toBe('');
    expect(stderr).toContain('the audit log is standard output of the gateway');
  });
});

(process.getuid?.() === 0 ? describe : describe.skip)('a command that root runs', () => {
  const SERVICE = 12_345;
  const adding = { input: 'pw\n', timeoutMs: 60_000 };
  const args = () => ['--config', config, 'users', 'add', 'eva', '--admin', '--password-stdin'];

  test('leaves an audit log that the service can write', async () => {
    const logs = join(dir.path, 'log');
    await mkdir(logs);
    await chown(logs, SERVICE, SERVICE);
    config = await configWith(join(logs, 'audit.log'));
    const result = await runKapgate(args(), adding);
    expect({ code: result.code, stderr: result.stderr }).toEqual({
      code: 0,
      stderr: 'added admin eva\n',
    });
    const { uid, gid, mode } = await stat(join(logs, 'audit.log'));
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: SERVICE, gid: SERVICE, mode: 0o640 });
  });

  test('follows no link that the service has put there', async () => {
    const target = join(dir.path, 'elsewhere');
    await writeFile(target, 'not touched\n');
    await symlink(target, audit);
    const { code, stderr } = await runKapgate(args(), adding);
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('ELOOP') as unknown,
    });
    expect(await readFile(target, 'utf8')).toBe('not touched\n');
  });
});
