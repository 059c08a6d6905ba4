import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { join } from 'node:path';
import { Secret } from '../../../src/kernel/secret.ts';
import { openUserStore } from '../../../src/users/store.ts';
import type { UserStore } from '../../../src/users/store.ts';
import { writeConfig } from '../../support/gateway-process.ts';
import { createTempDir } from '../../support/temp-dir.ts';
import type { TempDir } from '../../support/temp-dir.ts';
import { runHere } from '../terminal.ts';

let dir: TempDir;
let configFile: string;

beforeEach(async () => {
  dir = await createTempDir();
  configFile = await writeConfig({ dir: dir.path, port: 9092, upstream: 'http://127.0.0.1:9192' });
});

afterEach(() => dir.remove());

function run(...args: readonly string[]) {
  return runHere(['--config', configFile, 'subscriptions', ...args]);
}

/** The secret in what was printed. */
function secretIn(text: string): string {
  return /\/sub\/([A-Za-z0-9_-]{43})/.exec(text)?.[1] ?? '';
}

async function withStore<T>(use: (store: UserStore) => T): Promise<T> {
  const store = openUserStore({ path: join(dir.path, 'store'), minimumCost: 4 });
  try {
    return use(store);
  } finally {
    await store.close();
  }
}

/** Whose secret it is, which counts as a use of it. */
function subscriberOf(secret: string): Promise<string | undefined> {
  return withStore(({ subscriptions }) => subscriptions.find(new Secret(secret))?.name);
}

describe('subscriptions add', () => {
  test('prints what to paste, with a secret that is good', async () => {
    const { code, stdout, stderr } = await run('add', 'influx', '--gateway', 'http://gate:9092');
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'added subscription influx\n' });
    const secret = secretIn(stdout);
    expect(await subscriberOf(secret)).toBe('~subscriber:influx');
    for (const line of [
      'kapacitor-hostname = "gate"',
      'http-port = 9092',
      'subscription-protocol = "http"',
      `subscription-path = "/sub/${secret}"`,
      'DROP SUBSCRIPTION "kapacitor-ID" ON "DATABASE"."RETENTION_POLICY"',
      `CREATE SUBSCRIPTION "kapacitor-ID" ON "DATABASE"."RETENTION_POLICY" DESTINATIONS ANY 'http://gate:9092/sub/${secret}'`,
      'curl -X POST http://127.0.0.1:9192/kapacitor/v1/subscriptions',
    ]) {
      expect(stdout.split('\n').map((each) => each.trim())).toContain(line);
    }
    expect(stdout).not.toContain('--confirm');
  });

  test('one that is limited says which databases Kapacitor is to subscribe to', async () => {
    const { stdout } = await run('add', 'influx', '--db', 'telegraf', '--db', 'a "b"');
    expect(stdout).toContain('[influxdb.subscriptions]');
    expect(stdout).toContain('"telegraf" = ["autogen"]');
    expect(stdout).toContain('"a \\"b\\"" = ["autogen"]');
    expect(stdout).toContain('DROP SUBSCRIPTION "kapacitor-ID" ON "a \\"b\\""."autogen"');
    expect(await withStore(({ subscriptions }) => subscriptions.get('influx')?.databases)).toEqual([
      'telegraf',
      'a "b"',
    ]);
  });

  test('as JSON: name, path and databases, and nothing else', async () => {
    const { stdout } = await run('add', 'influx', '--db', 'telegraf', '--json');
    expect(JSON.parse(stdout)).toEqual({
      name: 'influx',
      path: `/sub/${secretIn(stdout)}`,
      databases: ['telegraf'],
    });
  });

  test('without --gateway it is the address that the gateway listens on', async () => {
    const { stdout } = await run('add', 'influx');
    expect(stdout).toContain('kapacitor-hostname = "127.0.0.1"');
  });

  test('a name stands once', async () => {
    await run('add', 'influx');
    const { code, stdout, stderr } = await run('add', 'influx');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toMatch(/exists already: kapgate subscriptions rotate influx/);
  });

  test.each([
    [['add', 'a b'], /holds letters, numbers/],
    [['add', ''], /holds letters, numbers/],
    [['add', '~subscriber'], /holds letters, numbers/],
    [['add', 'x'.repeat(256)], /at most 255 bytes/],
    [['add', 'x', '--db', ''], /no database has the name ""/],
    [['add', 'x', '--db', 'a\nb'], /no database has the name "a\\nb"/],
    [['add', 'x', '--gateway', 'gate:9092'], /--gateway takes scheme, host and port only/],
    [['add', 'x', '--gateway', 'http://u:p@gate'], /--gateway takes scheme, host and port only/],
    [['add', 'x', '--gateway', 'http://gate/path'], /--gateway takes scheme, host and port only/],
    [['add', 'x', '--gateway', 'udp://gate:9092'], /--gateway takes scheme, host and port only/],
    [['add', 'x', '--influxdb', 'http://127.0.0.1:1'], /no terminal to confirm each step on/],
    [['add', 'x', '--yes', '--wait', '1ms', '--influxdb', 'http://127.0.0.1:1'], /--wait takes/],
    [['rotate', 'x', '--keep', 'a day'], /--keep takes a duration/],
    [['rotate', 'x', '--keep', '-1h'], /--keep takes a duration/],
    [['rotate', 'x', '--keep', '1h', '--confirm'], /--confirm takes no --keep/],
  ] as const)('%j is refused, and nothing is made', async (args, words) => {
    const { code, stdout, stderr } = await run(...args);
    expect({ code, stdout }).toEqual({ code: 64, stdout: '' });
    expect(stderr).toMatch(words);
    expect(await withStore(({ subscriptions }) => subscriptions.list())).toEqual([]);
  });
});

describe('subscriptions rotate', () => {
  test('prints the new path and how the old one is ended; both are good', async () => {
    const old = secretIn((await run('add', 'influx')).stdout);
    const { code, stdout, stderr } = await run('rotate', 'influx');
    expect(code).toBe(0);
    expect(stderr).toBe('influx has a new secret; the old one is good until you confirm\n');
    expect(stdout).toContain('kapgate subscriptions rotate influx --confirm');
    const next = secretIn(stdout);
    expect(next).not.toBe(old);
    expect(await subscriberOf(old)).toBe('~subscriber:influx');
    expect(await subscriberOf(next)).toBe('~subscriber:influx');
  });

  test('--keep says when the old one ends', async () => {
    await run('add', 'influx');
    const { stderr } = await run('rotate', 'influx', '--keep', '24h');
    const ends = Date.parse(/ends at (\S+)/.exec(stderr)?.[1] ?? '');
    expect(Math.abs(ends - Date.now() - 24 * 3_600_000)).toBeLessThan(60_000);
  });

  test('--keep 0s ends the old one at once', async () => {
    const old = secretIn((await run('add', 'influx')).stdout);
    await run('rotate', 'influx', '--keep', '0s');
    expect(await subscriberOf(old)).toBeUndefined();
  });

  test('--confirm is refused while the old one is in use, or the new one never was', async () => {
    const old = secretIn((await run('add', 'influx')).stdout);
    const next = secretIn((await run('rotate', 'influx')).stdout);
    const unused = await run('rotate', 'influx', '--confirm');
    expect({ ...unused, stderr: '' }).toEqual({ code: 1, stdout: '', stderr: '' });
    expect(unused.stderr).toMatch(/the new secret was never used: points would be lost/);
    await subscriberOf(old);
    await subscriberOf(next);
    expect((await run('rotate', 'influx', '--confirm')).stderr).toMatch(
      /the old secret was used at \S+, less than 5 minutes ago: points would be lost/,
    );
    expect(await subscriberOf(old)).toBe('~subscriber:influx');
    expect((await run('rotate', 'influx')).stderr).toMatch(
      /the last rotation of influx is not over/,
    );
    const forced = await run('rotate', 'influx', '--confirm', '--force');
    expect(forced).toEqual({ code: 0, stdout: '', stderr: 'ended the old secret of influx\n' });
    expect(await subscriberOf(old)).toBeUndefined();
    expect(await subscriberOf(next)).toBe('~subscriber:influx');
    expect((await run('rotate', 'influx', '--confirm')).stderr).toMatch(/one secret only/);
  });

  test('--confirm goes through once the new one is used and the old one is not', async () => {
    await run('add', 'influx');
    const next = secretIn((await run('rotate', 'influx')).stdout);
    await subscriberOf(next);
    expect((await run('rotate', 'influx', '--confirm')).code).toBe(0);
  });

  test('there must be one', async () => {
    for (const args of [
      ['rotate', 'x'],
      ['rotate', 'x', '--confirm'],
      ['revoke', 'x'],
    ]) {
      const { code, stderr } = await run(...args);
      expect({ code, stderr }).toEqual({
        code: 1,
        stderr: 'kapgate: there is no subscription "x": kapgate subscriptions list shows all\n',
      });
    }
  });
});

describe('subscriptions list', () => {
  test('an aligned table: a line a secret, and never the secret', async () => {
    await run('add', 'limited', '--db', 'telegraf', '--db', 'other');
    const secret = secretIn((await run('add', 'all')).stdout);
    await subscriberOf(secret);
    await run('rotate', 'all');
    const { code, stdout } = await run('list');
    expect(code).toBe(0);
    const time = '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z';
    expect(stdout.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^NAME {5}DATABASES {7}SECRET {3}CREATED +LAST USED +ENDS$/),
      expect.stringMatching(RegExp(`^all      all             current  ${time}  never +-$`)),
      expect.stringMatching(
        RegExp(`^all      all             old      ${time}  ${time}  when conf`),
      ),
      expect.stringMatching(RegExp(`^limited  telegraf other  current  ${time}  never +-$`)),
    ]);
    expect(stdout).not.toContain(secret);
  });

  test('as JSON, a line each', async () => {
    await run('add', 'influx', '--db', 'telegraf');
    await run('rotate', 'influx', '--keep', '0s');
    const { stdout } = await run('list', '--json');
    expect(stdout.trimEnd().split('\n')).toHaveLength(1);
    expect(JSON.parse(stdout)).toMatchObject({
      name: 'influx',
      databases: ['telegraf'],
      secrets: [
        { secret: 'current', lastUsed: null, ends: null },
        { secret: 'ended', lastUsed: null, ends: expect.any(String) },
      ],
    });
    expect(stdout).not.toMatch(/hash|[0-9a-f]{64}/);
  });

  test('nobody is a head alone', async () => {
    expect((await run('list')).stdout).toMatch(/^NAME .*\n$/);
    expect((await run('list', '--json')).stdout).toBe('');
  });
});

describe('subscriptions revoke', () => {
  test('refuses both secrets at once', async () => {
    const old = secretIn((await run('add', 'influx')).stdout);
    const next = secretIn((await run('rotate', 'influx')).stdout);
    const { code, stderr } = await run('revoke', 'influx');
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: expect.stringMatching(/^revoked influx: /),
    });
    expect(await subscriberOf(old)).toBeUndefined();
    expect(await subscriberOf(next)).toBeUndefined();
  });
});

describe('explain', () => {
  function explain(user: string, method: string, target: string) {
    return runHere(['--config', configFile, 'explain', '--user', user, method, target]);
  }

  test('of a subscription, without printing what may be its secret', async () => {
    const secret = secretIn((await run('add', 'influx', '--db', 'telegraf')).stdout);
    const path = `/sub/${secret}/write`;
    const allowed = await explain('~subscriber:influx', 'POST', `${path}?db=telegraf`);
    expect(allowed.code).toBe(0);
    expect(allowed.stdout).toContain('POST /sub/[redacted]/write\n');
    expect(allowed.stdout).toContain('sent       /write?db=telegraf\n');
    const denied = await explain('~subscriber:influx', 'POST', `${path}?db=other`);
    expect(denied.code).toBe(2);
    expect(denied.stdout).toMatch(/does not have "write" privilege for database "other"/);
    const nowhere = await explain('~subscriber:influx', 'HEAD', `/sub/${secret}/x`);
    expect(nowhere).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/404: nothing is there/),
    });
    for (const { stdout } of [allowed, denied, nowhere]) expect(stdout).not.toContain(secret);
  });

  test('of somebody else, the path is refused', async () => {
    const user = await runHere(
      ['--config', configFile, 'users', 'add', 'root', '--admin', '--password-stdin'],
      { input: 'root\n' },
    );
    expect(user.code).toBe(0);
    const { code, stdout } = await explain('root', 'POST', '/sub/x/write');
    expect({ code, stdout }).toMatchObject({
      code: 2,
      stdout: expect.stringMatching(/denied +401/),
    });
  });

  test('of a subscription that is not there', async () => {
    const { code, stderr } = await explain('~subscriber:x', 'POST', '/write');
    expect({ code, stderr }).toMatchObject({ code: 1 });
    expect(stderr).toMatch(/there is no subscription "x"/);
  });
});
