import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import bcrypt from 'bcrypt';
import { mkdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openUserStore } from '../../src/users/store.ts';
import { Secret } from '../../src/kernel/secret.ts';
import type { UserRecord } from '../../src/users/record.ts';
import { findFreePort } from '../support/free-port.ts';
import { writeConfig } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream, UpstreamHandler } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { someHash } from '../users/hash.ts';
import { TIME, userRecord } from '../users/records.ts';
import { runHere } from './terminal.ts';

let home: TempDir;
let dir: string;
let configFile: string;
let count = 0;

beforeAll(async () => {
  home = await createTempDir();
});

beforeEach(async () => {
  dir = join(home.path, String(count++));
  await mkdir(dir);
  configFile = await writeConfig({ dir, upstream: 'http://127.0.0.1:1', port: 2 });
});

afterAll(() => home.remove());

const ADMIN = userRecord('root', { admin: true, permissions: [] });

async function withStore<T>(use: (store: ReturnType<typeof openUserStore>) => T): Promise<T> {
  const store = openUserStore({ path: join(dir, 'store'), minimumCost: 4 });
  const result = await use(store);
  await store.close();
  return result;
}

function has(...users: readonly UserRecord[]): Promise<unknown> {
  return withStore((store) =>
    store.replaceAll({
      users: users.map((after) => ({ before: undefined, after })),
      subscriptions: [],
    }),
  );
}

function stored(): Promise<readonly UserRecord[]> {
  return withStore((store) => [...store.list()]);
}

function run(...args: readonly string[]): ReturnType<typeof runHere> {
  return runHere(['--config', configFile, 'users', ...args]);
}

async function file(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await writeFile(path, text);
  return path;
}

const HTPASSWD = `stan:$2y$04$${'a'.repeat(53)}\nold:$apr1$x$y\neva:$2y$05$${'a'.repeat(53)}\n`;

describe('users import', () => {
  test('is a dry run unless --apply is said', async () => {
    await has(ADMIN, userRecord('stan', { hash: someHash(5) }));
    const source = await file('htpasswd', HTPASSWD);
    const before = await stored();
    const { code, stdout, stderr } = await run('import', source);
    expect(stdout.split('\n')).toEqual([
      'changed  stan  password',
      'new      eva   normal  -',
      expect.stringMatching(/^refused {2}line 2 \("old"\): it has Apache's MD5/),
      '1 new, 1 changed, 0 unchanged, 1 refused; 1 of the store not named here, which stay as they are',
      '',
    ]);
    expect(stderr).toBe('nothing was changed: this was a dry run, --apply imports\n');
    expect(code).toBe(1);
    expect(await stored()).toEqual(before);
  });

  test('--apply imports what can be, keeps the others, and a second time changes nothing', async () => {
    await has(ADMIN, userRecord('stan', { hash: someHash(5) }));
    const source = await file('htpasswd', HTPASSWD);
    const { code, stderr } = await run('import', source, '--apply');
    expect({ code, stderr }).toEqual({ code: 1, stderr: 'imported 1 new and 1 changed users\n' });
    expect(await stored()).toEqual([
      userRecord('eva', {
        hash: someHash(5),
        permissions: [],
        created: expect.any(String) as never,
        changed: expect.any(String) as never,
      }),
      ADMIN,
      userRecord('stan', { changed: expect.any(String) as never }),
    ]);
    const again = await run('import', source, '--apply');
    expect(again.stdout).toContain('0 new, 0 changed, 2 unchanged, 1 refused; 1 of the store');
  });

  test('--permission is for all of a file that names none; who is an admin stays one', async () => {
    await has(ADMIN, userRecord('stan'));
    const source = await file(
      'htpasswd',
      ['root', 'stan', 'new'].map((name) => `${name}:${someHash()}\n`).join(''),
    );
    const { code, stdout } = await run('import', source, '-p', 'api:read', '-p', 'write_points:t');
    expect(stdout.split('\n').slice(0, -2)).toEqual([
      'changed  stan  permissions: api -> api:read write_points:t',
      'new      new   normal  api:read write_points:t',
    ]);
    expect(code).toBe(0);
  });

  test('a hash of a high cost is refused, unless --max-cost or the configuration allow it', async () => {
    const source = await file('htpasswd', `slow:${someHash(15)}\n`);
    expect((await run('import', source)).stdout).toContain('bcrypt cost 15');
    expect((await run('import', source, '--max-cost', '15')).code).toBe(0);
    const settings = { auth: { 'bcrypt-cost': '15' } };
    configFile = await writeConfig({ dir, upstream: 'http://127.0.0.1:1', port: 2, settings });
    expect((await run('import', source)).code).toBe(0);
    expect((await run('import', source, '--max-cost', '14')).code).toBe(1);
  });

  test('a hash that would keep a thread for hours is refused whatever is said', async () => {
    const source = await file('htpasswd', `slow:${someHash(31)}\n`);
    const { code, stdout } = await run('import', source, '--max-cost', '20', '--apply');
    expect(code).toBe(1);
    expect(stdout).toContain('bcrypt cost 31, and every failed login would take as long as it');
    expect((await stored()).map(({ name }) => name)).not.toContain('slow');
  });

  test('hashes below the configured cost are told of', async () => {
    const settings = { auth: { 'bcrypt-cost': '6' } };
    configFile = await writeConfig({ dir, upstream: 'http://127.0.0.1:1', port: 2, settings });
    const { stdout } = await run('import', await file('htpasswd', HTPASSWD));
    expect(stdout).toMatch(/note .*bcrypt-cost 6: 2; each is renewed at the next login/);
  });

  test('passwords in clear are hashed; the right one is no change', async () => {
    const source = await file('auth.yml', 'users:\n- {username: a, password: first-canary}\n');
    expect((await run('import', source, '--apply', '-p', 'api')).code).toBe(0);
    const [first] = await stored();
    expect(await bcrypt.compare('first-canary', first?.hash ?? '')).toBe(true);
    expect((await run('import', source)).stdout).toContain('0 new, 0 changed, 1 unchanged');
    await file('auth.yml', 'users:\n- {username: a, password: second-canary}\n');
    const changed = await run('import', source, '--apply');
    expect(changed.stdout).toContain('changed  a  password\n');
    expect(changed.stdout + changed.stderr).not.toContain('canary');
    const [second] = await stored();
    expect(await bcrypt.compare('second-canary', second?.hash ?? '')).toBe(true);
    expect(second?.permissions).toEqual(['api']);
  });

  test('never ends without an admin where there was one', async () => {
    await has(ADMIN, userRecord('stan'));
    const lines = [
      { kind: 'kapgate-export', version: 1, date: TIME },
      { kind: 'user', ...ADMIN, admin: undefined, type: 'normal' },
    ];
    const text = lines.map((line) => JSON.stringify(line)).join('\n');
    const source = await file('users.jsonl', text);
    for (const args of [[], ['--apply']]) {
      const { code, stdout, stderr } = await run('import', source, ...args);
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
      expect(stderr).toContain('nothing was imported: no admin would be left');
    }
    const eva = { kind: 'user', ...userRecord('eva'), admin: undefined, type: 'admin' };
    await file('users.jsonl', `${text}\n${JSON.stringify(eva)}`);
    expect((await run('import', source, '--apply')).stdout).toContain(
      'changed  root  type: admin -> normal\n',
    );
    expect((await stored()).map(({ name, admin }) => [name, admin])).toEqual([
      ['eva', true],
      ['root', false],
      ['stan', false],
    ]);
  });

  test('--json is a line for each user and one for the sums', async () => {
    await has(userRecord('stan'));
    const source = await file('htpasswd', `${HTPASSWD}bad name:${someHash()}`);
    const { stdout } = await run('import', source, '--json', '-p', 'api:read');
    const lines = stdout.trimEnd().split('\n');
    expect(lines.map((line): unknown => JSON.parse(line))).toEqual([
      {
        at: 1,
        name: 'stan',
        change: 'changed',
        fields: ['permissions'],
        type: 'normal',
        permissions: ['api:read'],
      },
      { at: 3, name: 'eva', change: 'new', type: 'normal', permissions: ['api:read'] },
      { at: 2, name: 'old', change: 'refused', why: expect.stringContaining('MD5') },
      { at: 4, name: 'bad name', change: 'refused', why: expect.stringContaining('username') },
      {
        summary: { applied: false, new: 1, changed: 1, unchanged: 0, refused: 2, kept: 0 },
        notes: [],
      },
    ]);
  });

  test('what a file holds writes no control character to the terminal', async () => {
    const lines = [
      { kind: 'kapgate-export', version: 1, date: TIME },
      { kind: 'user', ...userRecord('a', { permissions: ['write_points:\u001b[2J'] }) },
      { kind: 'user', ...userRecord('\u001b[31m') },
    ].map((line) => JSON.stringify({ ...line, admin: undefined, type: 'normal' }));
    lines[0] = JSON.stringify({ kind: 'kapgate-export', version: 1, date: TIME });
    const { stdout } = await run('import', await file('x.jsonl', lines.join('\n')));
    expect(stdout).toContain('new      a  normal  "write_points:\\x1b[2J"\n');
    expect(stdout).toContain('refused  line 3 ("\\x1b[31m"): username');
    expect(stdout).not.toContain('\u001b');
  });

  test('- is standard input', async () => {
    const args = ['--config', configFile, 'users', 'import', '-', '--apply'];
    const { code } = await runHere(args, { input: `\ufeffstan:${someHash()}\r\n` });
    expect(code).toBe(0);
    expect((await stored()).map(({ name }) => name)).toEqual(['stan']);
  });

  test.each<readonly [readonly string[], RegExp]>([
    [['--format', 'csv'], /Allowed choices are auto, /],
    [['--format', 'kapacitor'], /read from a URL/],
    [['--max-cost', '21'], /4 to 20/],
    [['--max-cost', '3.5'], /4 to 20/],
    [['-p', 'root'], /unknown permission/],
    [['--format', 'kapgate', '-p', 'api'], /--permission is for htpasswd and vmauth|not the head/],
    [['--user', 'root'], /by a URL/],
    [['--passwords', 'x'], /by a URL/],
    [['--password-stdin'], /by a URL/],
  ])('a file with %j is wrong usage', async (args, words) => {
    const source = await file('htpasswd', HTPASSWD);
    const { code, stdout, stderr } = await run('import', source, ...args);
    expect(stdout).toBe('');
    expect(code).not.toBe(0);
    expect(stderr).toMatch(words);
  });

  test('a file that is none is told with its reason', async () => {
    expect((await run('import', join(dir, 'none'))).stderr).toContain('there is no such file');
    expect((await run('import', dir)).stderr).toMatch(/directory/i);
    await writeFile(join(dir, 'latin1'), Buffer.from('st\xe4n:x', 'latin1'));
    expect((await run('import', join(dir, 'latin1'))).stderr).toContain('it is not UTF-8');
  });
});

describe('users export', () => {
  test('and import put every user back as they were', async () => {
    const users = [
      userRecord('eva', { permissions: ['api:read', 'write_points:a b'], changed: TIME }),
      ADMIN,
      userRecord('管理者', { hash: someHash(12), permissions: [] }),
    ];
    await has(...users);
    const backup = join(dir, 'backup.jsonl');
    const result = await run('export', '--output', backup);
    expect(result).toEqual({
      code: 0,
      stdout: '',
      stderr: 'exported 3 users and 0 subscriptions; the file holds their hashes\n',
    });
    expect((await run('export')).stdout.replace(/"date":"[^"]*"/, '')).toBe(
      (await readFile(backup, 'utf8')).replace(/"date":"[^"]*"/, ''),
    );
    await rm(join(dir, 'store'), { recursive: true });
    expect((await run('import', backup, '--apply')).code).toBe(0);
    expect(await stored()).toEqual(users);
    expect(await withStore((store) => store.everHadAdmin())).toBe(true);
    expect((await run('import', backup)).stdout).toContain('0 new, 0 changed, 3 unchanged');
  });

  test('has the subscriptions too: their secrets go on', async () => {
    await has(ADMIN);
    const secrets = await withStore(async (store) => [
      await store.subscriptions.add('influx', ['telegraf', 'x']),
      await store.subscriptions.add('other', []),
      await store.subscriptions.rotate('other', undefined),
    ]);
    const before = await withStore((store) => store.subscriptions.list());
    const backup = join(dir, 'backup.jsonl');
    expect((await run('export', '-o', backup)).stderr).toContain('1 users and 2 subscriptions');
    const text = await readFile(backup, 'utf8');
    await rm(join(dir, 'store'), { recursive: true });

    const { code, stdout, stderr } = await run('import', backup, '--apply');
    expect(stdout.split('\n').slice(0, 3)).toEqual([
      'new      root  admin   -',
      'new      subscription influx  telegraf x',
      'new      subscription other  every database',
    ]);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'imported 1 new and 0 changed users, and 2 subscriptions\n',
    });
    expect(await withStore((store) => store.subscriptions.list())).toEqual(before);
    await withStore((store) => {
      for (const secret of secrets) {
        if (!(secret instanceof Secret)) throw new Error('no secret');
        expect(text).not.toContain(secret.reveal());
        expect(store.subscriptions.find(secret)).toBeDefined();
      }
    });
    await withStore((store) => store.subscriptions.revoke('influx'));
    await withStore((store) => store.subscriptions.endOld('other'));
    const again = await run('import', backup, '--json');
    expect(again.stdout).toContain('"subscription":"influx","change":"new"');
    expect(again.stdout).toContain(
      '"subscription":"other","change":"changed","fields":["secrets"]',
    );
  });

  test('makes a file that only its owner may read, whatever the umask', async () => {
    await has(ADMIN);
    const umask = process.umask(0);
    await run('export', '-o', join(dir, 'out'));
    process.umask(umask);
    expect((await stat(join(dir, 'out'))).mode & 0o777).toBe(0o600);
  });

  test('overwrites a file only where --force is said, and closes it to others', async () => {
    await has(ADMIN);
    const out = await file('out', 'x'.repeat(10_000));
    const refused = await run('export', '-o', out);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain('it is there already');
    expect(await readFile(out, 'utf8')).toBe('x'.repeat(10_000));
    expect((await run('export', '-o', out, '--force')).code).toBe(0);
    expect(await readFile(out, 'utf8')).not.toContain('xxx');
    expect((await stat(out)).mode & 0o777).toBe(0o600);
  });

  test('leaves a file as it is where the store cannot be read', async () => {
    const out = await file('out', 'before');
    await file('store', 'no directory');
    const { code } = await run('export', '-o', out, '--force');
    expect(code).toBe(1);
    expect(await readFile(out, 'utf8')).toBe('before');
  });

  test('follows no link, and writes to no directory', async () => {
    await has(ADMIN);
    await symlink(await file('elsewhere', 'before'), join(dir, 'link'));
    const { stderr } = await run('export', '-o', join(dir, 'link'), '--force');
    expect(stderr).toContain('it is a symbolic link');
    expect(await readFile(join(dir, 'elsewhere'), 'utf8')).toBe('before');
    expect((await run('export', '-o', dir, '--force')).stderr).toMatch(/cannot write/);
    expect(await run('export', '-o', join(dir, 'no/such'))).toMatchObject({ code: 1 });
  });
});

interface NativeUser {
  readonly name: string;
  readonly type: 'admin' | 'normal';
  readonly permissions: readonly string[];
}

/** Answers as a native Kapacitor 1.8.3 does (services/auth/service.go handleListUsers), to admins only. */
function kapacitorWith(users: readonly NativeUser[]): UpstreamHandler {
  return ({ target, headers }, response) => {
    const given = headers.find(([name]) => name.toLowerCase() === 'authorization')?.[1];
    const url = new URL(target, 'http://x');
    const json = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body, undefined, 4));
    };
    if (given !== `Basic ${Buffer.from('root:p:ss').toString('base64')}`) {
      json(401, { error: 'authorization failed', message: 'authorization failed' });
      return;
    }
    if (url.pathname !== '/kapacitor/v1/users') {
      json(404, {});
      return;
    }
    const offset = Number(url.searchParams.get('offset'));
    const page = users.slice(offset, offset + Number(url.searchParams.get('limit')));
    const fields = [...url.searchParams.getAll('fields'), 'name', 'link'];
    json(200, {
      users: page.map((user) =>
        Object.fromEntries(
          Object.entries({
            ...user,
            link: { rel: 'self', href: `/kapacitor/v1/users/${user.name}` },
          }).filter(([key]) => fields.includes(key)),
        ),
      ),
    });
  };
}

describe('users import of a Kapacitor', () => {
  let kapacitor: RecordingUpstream;
  let password: string;
  beforeAll(async () => {
    kapacitor = await startRecordingUpstream(kapacitorWith([]));
  });
  beforeEach(async () => {
    kapacitor.clear();
    password = await file('password', 'p:ss\n');
  });
  afterAll(() => kapacitor.stop());

  function importIt(...args: readonly string[]): ReturnType<typeof runHere> {
    return run('import', kapacitor.url, '--user', 'root', '--password-file', password, ...args);
  }

  const NATIVE: readonly NativeUser[] = [
    { name: '_sub:canary-token', type: 'normal', permissions: ['write_points'] },
    { name: 'eva', type: 'admin', permissions: [] },
    { name: 'nobody', type: 'normal', permissions: [] },
    { name: 'stan', type: 'normal', permissions: ['api', 'config_api'] },
    { name: 'tele', type: 'normal', permissions: ['all'] },
  ];

  test('shows who comes, and makes nobody before --apply', async () => {
    kapacitor.answerBy(kapacitorWith(NATIVE));
    await has(
      userRecord('stan', { permissions: ['api'] }),
      userRecord('tele', { permissions: ['all'] }),
    );
    const { code, stdout } = await importIt();
    expect(stdout.split('\n')).toEqual([
      'new      eva     admin   -',
      'new      nobody  normal  -',
      'changed  stan    permissions: api -> api config_api',
      expect.stringMatching(/^refused {2}user 1: it is a subscription token/),
      expect.stringContaining('note     passwords cannot be read out'),
      expect.stringContaining('note     write_points and all'),
      '2 new, 1 changed, 1 unchanged, 1 refused; 0 of the store not named here, which stay as they are',
      '',
    ]);
    expect(code).toBe(1);
    expect(stdout).not.toMatch(/canary|password: /);
    expect(await stored()).toHaveLength(2);
  });

  test('prints new passwords once, and they are right; others keep theirs', async () => {
    kapacitor.answerBy(kapacitorWith(NATIVE.slice(1)));
    await has(userRecord('stan'));
    const { code, stdout } = await importIt('--apply');
    expect(code).toBe(0);
    const passwords = new Map(
      Array.from(stdout.matchAll(/^new {6}(\S+) .*password: ([\w-]{24})$/gm), ([, name, given]) => [
        name,
        given ?? '',
      ]),
    );
    expect([...passwords.keys()]).toEqual(['eva', 'nobody', 'tele']);
    expect(new Set(passwords.values()).size).toBe(3);
    for (const { name, hash } of await stored()) {
      if (name === 'stan') expect(hash).toBe(someHash());
      else expect(await bcrypt.compare(passwords.get(name) ?? '', hash)).toBe(true);
    }
    const again = await importIt('--apply');
    expect(again.stdout).toContain('0 new, 0 changed, 4 unchanged');
    expect(again.stdout).not.toContain('password: ');
  });

  test('--json has them in their lines', async () => {
    kapacitor.answerBy(kapacitorWith(NATIVE.slice(1, 2)));
    const { stdout } = await importIt('--apply', '--json');
    const eva = JSON.parse(stdout.split('\n')[0] ?? '') as { readonly password: string };
    expect(eva).toMatchObject({ at: 1, name: 'eva', change: 'new', type: 'admin' });
    const [made] = await stored();
    expect(await bcrypt.compare(eva.password, made?.hash ?? '')).toBe(true);
  });

  test('--passwords writes them to a file of their own, and not to the screen', async () => {
    kapacitor.answerBy(kapacitorWith(NATIVE.slice(1)));
    const out = join(dir, 'new.txt');
    const { stdout } = await importIt('--apply', '--passwords', out);
    const lines = (await readFile(out, 'utf8')).trimEnd().split('\n');
    expect((await stat(out)).mode & 0o777).toBe(0o600);
    expect(lines.map((line) => line.split(':')[0])).toEqual(['eva', 'nobody', 'stan', 'tele']);
    for (const line of lines) {
      const [name = '', made = ''] = line.split(':');
      expect(stdout).not.toContain(made);
      const hash = (await stored()).find((user) => user.name === name)?.hash;
      expect(await bcrypt.compare(made, hash ?? '')).toBe(true);
    }
    const again = await importIt('--apply', '--passwords', out);
    expect(again.stderr).toContain('it is there already');
  });

  test('a dry run makes no file', async () => {
    kapacitor.answerBy(kapacitorWith(NATIVE));
    await importIt('--passwords', join(dir, 'new.txt'));
    await expect(stat(join(dir, 'new.txt'))).rejects.toThrow('ENOENT');
  });

  test('reads page after page', async () => {
    const many = Array.from({ length: 250 }, (_, index): NativeUser => ({
      name: `u${String(index).padStart(3, '0')}`,
      type: 'normal',
      permissions: ['api'],
    }));
    kapacitor.answerBy(kapacitorWith(many));
    expect((await importIt()).stdout).toContain('250 new');
    expect(kapacitor.requests.map(({ target }) => /offset=(\d+)/.exec(target)?.[1])).toEqual([
      '0',
      '100',
      '200',
    ]);
  });

  const samePage: UpstreamHandler = (recorded, response, incoming) => {
    const users = Array.from({ length: 100 }, (_, index): NativeUser => ({
      name: `u${index}`,
      type: 'normal',
      permissions: [],
    }));
    const target = recorded.target.replace(/offset=\d+/, 'offset=0');
    return kapacitorWith(users)({ ...recorded, target }, response, incoming);
  };
  const cut: UpstreamHandler = (_, response) => {
    response.writeHead(200, { 'content-length': 9 }).write('{');
    setImmediate(() => response.destroy());
  };

  test.each<readonly [string, UpstreamHandler, RegExp]>([
    ['401', answering(401), /answered 401: give an admin/],
    ['403', answering(403), /must be an admin there/],
    ['404', answering(404), /from 1.6 on/],
    ['500', answering(500, {}, 'x'), /it answered 500/],
    ['no JSON', answering(200, {}, '<html>'), /no list of users/],
    ['another list', answering(200, {}, '{"users":[{"a":1}]}'), /no list of users/],
    ['half an answer', cut, /cannot read the users/],
    ['the same page again and again', samePage, /again and again/],
  ])('a Kapacitor that gives %s imports nobody', async (_, handler, words) => {
    kapacitor.answerBy(handler);
    const { code, stdout, stderr } = await importIt('--apply');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(words);
    expect(stderr).toContain(`cannot read the users of ${kapacitor.url}: `);
    expect(stderr).not.toContain('p:ss');
  });

  test('credentials go to no other place', async () => {
    const other = await startRecordingUpstream(kapacitorWith(NATIVE));
    kapacitor.answerBy((_, response) => {
      response.writeHead(307, { location: `${other.url}/kapacitor/v1/users` }).end();
    });
    expect((await importIt()).stderr).toContain('it answered 307');
    expect(other.requests).toEqual([]);
    await other.stop();
  });

  test.each([
    ['http://root:canary@127.0.0.1:1', /must not hold a password/],
    ['http://127.0.0.1:1/kapacitor/v1', /nothing behind/],
    ['http://127.0.0.1:1?canary', /nothing behind/],
    ['http://', /not a URL/],
    [
      'http://127.0.0.1:1',
      /cannot read the users of http:\/\/127.0.0.1:1: .*ECONNREFUSED|bad port/,
    ],
  ])('%s is told', async (url, words) => {
    const { code, stdout, stderr } = await run('import', url);
    expect(code).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(words);
    expect(stderr).not.toContain('canary');
  });

  test('a Kapacitor that is not there is told with the reason', async () => {
    const { code, stderr } = await run('import', `http://127.0.0.1:${await findFreePort()}`);
    expect(code).toBe(1);
    expect(stderr).toMatch(/cannot read the users of http:\/\/127.0.0.1:\d+: .*ECONNREFUSED/);
  });

  test('permissions and other formats are not for it', async () => {
    expect((await importIt('-p', 'api')).code).toBe(64);
    expect((await importIt('--format', 'htpasswd')).code).toBe(64);
    expect(kapacitor.requests).toEqual([]);
  });
});
