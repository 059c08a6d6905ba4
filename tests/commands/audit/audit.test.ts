import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { appendFile, chmod, rename, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { eventually } from '../../support/eventually.ts';
import { MAIN, writeConfig } from '../../support/gateway-process.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { runHere } from '../terminal.ts';

let dir: TempDir;

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(() => dir.remove());

const request = (time: string, fields: Readonly<Record<string, unknown>>): string =>
  `${JSON.stringify({
    ...{ time: `2026-03-${time}.000Z`, verdict: 'allowed', status: 204, method: 'DELETE' },
    ...{ path: '/kapacitor/v1/tasks/cpu', address: '10.0.0.7', user: 'eva', grant: 'api' },
    ...fields,
  })}\n`;

const denied = { verdict: 'forbidden', status: 403, reason: 'no', grant: undefined };

const LINES = [
  request('01T01:00:00', {}),
  request('01T02:00:00', { method: 'GET', user: 'stan', ...denied }),
  request('01T03:00:00', { user: undefined, claimed: 'eva', verdict: 'unauthorized', status: 401 }),
  request('01T04:00:00', { path: '/kapacitor/v1/tasks/cpu', method: 'PATCH', status: 404 }),
  request('01T05:00:00', {
    ...{ method: 'POST', path: '/write', database: 'telegraf', user: 'telegraf' },
    ...{ count: 20, until: '2026-03-01T05:01:00.000Z' },
  }),
  request('01T06:00:00', {
    path: '/kapacitor/v1/templates/a%20b%C3%A4',
    ...denied,
    status: 204,
    would_be: 403,
  }),
  `${JSON.stringify({
    ...{ time: '2026-03-01T07:00:00.000Z', event: 'users changed', action: 'updated' },
    ...{
      name: 'stan',
      permissions: ['api', 'config_api'],
      user: 'cli:eva',
      auth: 'cli',
      as: 'root',
    },
  })}\n`,
  request('01T08:00:00', { path: '/kapacitor/v1/alerts/topics/t/handlers/slack', method: 'PUT' }),
];

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(dir.path, name);
  await writeFile(path, content);
  return path;
}

/** The numbers of the lines that are shown, from 1 on. */
async function shown(path: string, ...options: readonly string[]): Promise<readonly number[]> {
  const { code, stdout, stderr } = await runHere(['audit', path, '--json', ...options]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => LINES.indexOf(`${line}\n`) + 1);
}

describe('kapgate audit', () => {
  test.each([
    [[], [1, 2, 3, 4, 5, 6, 7, 8]],
    [
      ['--user', 'eva'],
      [1, 3, 4, 6, 7, 8],
    ],
    [['--user', 'cli:eva'], [7]],
    [['--user', 'ev'], []],
    [
      ['--what', 'tasks/cpu'],
      [1, 2, 3, 4],
    ],
    [
      ['--what', '/kapacitor/v1/tasks/cpu/'],
      [1, 2, 3, 4],
    ],
    [
      ['--what', 'tasks'],
      [1, 2, 3, 4],
    ],
    [
      ['--what', 'cpu'],
      [1, 2, 3, 4],
    ],
    [['--what', 'cp'], []],
    [['--what', 'templates/a bä'], [6]],
    [['--what', 'templates/a%20b%C3%A4'], [6]],
    [['--what', 'users/stan'], [7]],
    [['--what', 'write/telegraf'], [5]],
    [['--what', 'topics/t'], [8]],
    [['--denied'], [2, 3, 6]],
    [['--changes'], [1, 6, 7, 8]],
    [['--changes', '--what', 'tasks/cpu'], [1]],
    [
      ['--action', 'delete'],
      [1, 3, 6],
    ],
    [['--action', 'updated'], [7]],
    [
      ['--since', '2026-03-01T04:00:00Z'],
      [4, 5, 6, 7, 8],
    ],
    [
      ['--since', '2026-03-01T05:00:30Z', '--until', '2026-03-01T06:00:00Z'],
      [5, 6],
    ],
    [['--until', '2026-03-01T02:59:59Z', '--denied'], [2]],
    [['--since', 'now'], []],
  ])('%j', async (options, numbers) => {
    expect(await shown(await file('audit.log', LINES.join('')), ...options)).toEqual(numbers);
  });

  test('shows a table that says who, from where, what came of it, and why', async () => {
    const path = await file('audit.log', LINES.join(''));
    const { stdout } = await runHere(['audit', path]);
    expect(stdout).toBe(`\
TIME                  USER      FROM      RESULT             ACTION   WHAT                            WHY
2026-03-01T01:00:00Z  eva       10.0.0.7  204                DELETE   tasks/cpu                       api
2026-03-01T02:00:00Z  stan      10.0.0.7  403 forbidden      GET      tasks/cpu                       no
2026-03-01T03:00:00Z  eva?      10.0.0.7  401 unauthorized   DELETE   tasks/cpu
2026-03-01T04:00:00Z  eva       10.0.0.7  404                PATCH    tasks/cpu                       api
2026-03-01T05:00:00Z  telegraf  10.0.0.7  204                POST     write/telegraf (20 times)       api
2026-03-01T06:00:00Z  eva       10.0.0.7  204, would be 403  DELETE   templates/a bä                  no
2026-03-01T07:00:00Z  cli:eva   -         done               updated  users/stan                      permissions api config_api, as root
2026-03-01T08:00:00Z  eva       10.0.0.7  204                PUT      alerts/topics/t/handlers/slack  api
`);
  });

  test.each([
    [{ action: 'created', type: 'admin', permissions: [] }, 'type admin'],
    [{ action: 'created', type: 'normal', permissions: [] }, 'type normal, permissions: none'],
    [{ action: 'updated', password: 'changed' }, 'password changed'],
  ])('%j is told as %j', async (fields, words) => {
    const time = '2026-03-01T07:00:00.000Z';
    const line = { time, event: 'users changed', name: 'stan', user: 'eva', auth: 'basic' };
    const path = await file('audit.log', `${JSON.stringify({ ...line, ...fields })}\n`);
    expect((await runHere(['audit', path])).stdout.trimEnd()).toMatch(
      new RegExp(`users/stan +${words}$`),
    );
  });

  test('a subscription for every database is told so', async () => {
    const line = {
      ...{ time: '2026-03-01T07:00:00.000Z', event: 'subscriptions changed', action: 'created' },
      ...{ name: 'influx', databases: [], user: 'cli:eva', auth: 'cli' },
    };
    const path = await file('audit.log', `${JSON.stringify(line)}\n`);
    expect((await runHere(['audit', path])).stdout).toMatch(
      /subscriptions\/influx +databases: all/,
    );
  });

  test('what a stranger has sent acts on no terminal', async () => {
    const path = await file('audit.log', request('01T01:00:00', { user: '\u001b[2J\u202e' }));
    for (const json of [[], ['--json']]) {
      const { stdout } = await runHere(['audit', path, ...json]);
      expect(stdout).toContain('\\u001b');
      expect(stdout).not.toMatch(/[\u001b\u202e]/);
    }
  });

  test('counts what is no line of an audit log, and tells of those that are missing', async () => {
    const dropped = JSON.stringify({
      ...{ time: '2026-03-01T01:00:00Z', event: 'lines dropped' },
      lines: 7,
    });
    const path = await file('audit.log', `half a\n${dropped}\n{"time":"x"}\n[]\n${LINES[0] ?? ''}`);
    const { code, stdout, stderr } = await runHere(['audit', path, '--user', 'eva', '--json']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: LINES[0] });
    expect(stderr).toContain('3 lines are none of an audit log');
    expect(stderr).toContain('7 lines are missing');
  });
});

describe('kapgate audit without a file', () => {
  async function config(auditFile: string): Promise<string> {
    const settings = { audit: { file: JSON.stringify(auditFile) } };
    return writeConfig({ dir: dir.path, port: 1, upstream: 'http://127.0.0.1:2', settings });
  }

  test('reads that of the configuration, and what was rotated, oldest first', async () => {
    await file('audit.log', request('09T01:00:00', {}));
    await file('audit.log.1', request('08T01:00:00', {}));
    await file('audit.log.2.gz', gzipSync(request('07T01:00:00', {})));
    await file('audit.log-20260306.gz', gzipSync(request('06T01:00:00', {})));
    await file('audit.log.bak', request('05T01:00:00', {}));
    await file('audit.logs', request('04T01:00:00', {}));
    const args = ['--config', await config(join(dir.path, 'audit.log')), 'audit'];
    const times = async (...options: readonly string[]): Promise<readonly string[]> =>
      [...(await runHere([...args, ...options])).stdout.matchAll(/^2026-03-(\d\d)/gm)].map(
        ([, day = '']) => day,
      );
    expect(await times()).toEqual(['06', '07', '08', '09']);
    expect(await times('--since', '2026-03-08T00:00:00Z')).toEqual(['08', '09']);
  });

  test('does not open what was last written before it is asked for', async () => {
    await file('audit.log', request('09T01:00:00', {}));
    const old = await file('audit.log.1.gz', 'no gzip');
    await utimes(old, 1_700_000_000, 1_700_000_000);
    const args = ['--config', await config(join(dir.path, 'audit.log')), 'audit'];
    expect((await runHere([...args, '--since', '2026-03-01'])).code).toBe(0);
    expect((await runHere(args)).stderr).toMatch(/audit\.log\.1\.gz": incorrect header check/);
  });

  test.each([
    ['', /there is no audit log: \[audit\] file is "" in .*gateway\.toml\. Set it/],
    ['-', /journalctl -u kapgate -o cat \| kapgate audit -/],
    ['/nowhere/audit.log', /cannot read "\/nowhere\/audit\.log": ENOENT/],
  ])('says what to do where it is %j', async (auditFile, sentence) => {
    const { code, stderr } = await runHere(['--config', await config(auditFile), 'audit']);
    expect(code).toBe(1);
    expect(stderr).toMatch(sentence);
  });

  (process.getuid?.() === 0 ? test.skip : test)(
    'says whom to be where it may not be read',
    async () => {
      const path = await file('audit.log', LINES.join(''));
      await chmod(path, 0);
      const { code, stderr } = await runHere(['audit', path]);
      expect(code).toBe(1);
      expect(stderr).toContain('sudo -u kapgate');
    },
  );

  test('reads standard input as -', async () => {
    const { stdout } = await runHere(['audit', '-', '--json', '--denied'], {
      input: LINES.join(''),
    });
    expect(stdout.split('\n').length - 1).toBe(3);
  });

  test.each([
    [['--since', 'tomorrow'], /--since "tomorrow": allowed is "yesterday"/],
    [['--since', '1h', '--until', '2h'], /--since is later than --until/],
    [['--action', 'delte'], /--action "delte": .*did you mean DELETE\?/],
    [['--follow', '-'], /--follow needs a file/],
  ])('%j is wrong usage', async (options, sentence) => {
    const { code, stderr } = await runHere(['audit', ...options]);
    expect(code).toBe(64);
    expect(stderr).toMatch(sentence);
  });
});

test('kapgate audit --follow goes on through both kinds of rotation, until it is stopped', async () => {
  const path = await file('audit.log', LINES[0] ?? '');
  const child = spawn(process.execPath, [MAIN, 'audit', path, '--follow', '--user', 'eva'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  const sees = (thing: string): Promise<void> =>
    eventually(thing, () => out.includes(thing), 60_000);
  const about = (thing: string): string =>
    request('02T01:00:00', { path: `/kapacitor/v1/tasks/${thing}` });
  await sees('tasks/cpu');
  await appendFile(path, about('one').slice(0, 50));
  await appendFile(path, about('one').slice(50));
  await sees('tasks/one');
  await rename(path, `${path}.1`);
  await appendFile(`${path}.1`, about('late'));
  await sees('tasks/late');
  await writeFile(path, about('new'));
  await sees('tasks/new');
  await truncate(path);
  // Whoever looks in between sees that it is shorter.
  await sleep(1_500);
  await appendFile(path, about('after'));
  await sees('tasks/after');
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGINT');
  expect(await ended).toBe(0);
  expect(out.match(/tasks\//g)).toHaveLength(5);
}, 480_000);
