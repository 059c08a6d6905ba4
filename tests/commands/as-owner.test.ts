import { chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runAsOwner } from '../../src/commands/as-owner.ts';
import type { RunHere } from '../../src/commands/as-owner.ts';
import type { Context } from '../../src/commands/context.ts';
import { takeOwner } from '../../src/users/owner.ts';
import type { OwnerOperations } from '../../src/users/owner.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { unreadStreams } from '../support/streams.ts';

const PROGRAM = '/opt/kapgate/dist/main.js';

/** Node's own words on Debian 13. */
function barred(): never {
  const words = 'setgroups() disabled: io_uring may be enabled. See CVE-2024-22017.';
  throw Object.assign(new Error(words), { code: 'ERR_INVALID_STATE' });
}

const ROOT_BARRED: OwnerOperations = { geteuid: () => 0, getgroups: () => [0], setgroups: barred };

describe('runAsOwner', () => {
  let dir: TempDir;
  let configFile: string;
  let store: string;

  beforeAll(async () => {
    dir = await createTempDir();
    store = join(dir.path, 'store');
    mkdirSync(store);
    // Who is not root owns it already, as somebody else than root.
    if (process.getuid?.() === 0) chownSync(store, 12345, 23456);
    configFile = join(dir.path, 'gateway.toml');
    writeFileSync(configFile, `[store]\npath = ${JSON.stringify(store)}\n`);
  });

  afterAll(() => dir.remove());

  function context(operations: OwnerOperations, env: Context['terminal']['env'] = {}): Context {
    return {
      configFile,
      terminal: {
        stdin: Readable.from([]),
        env,
        process: operations,
        ...unreadStreams(),
        isInteractive: false,
        out: () => undefined,
        err: () => undefined,
        onStop: () => undefined,
        onReload: () => undefined,
        onReopen: () => undefined,
        program: PROGRAM,
        paint: (_, text) => text,
      },
    };
  }

  function running(code: number | undefined): { run: RunHere; ran: Parameters<RunHere>[] } {
    const ran: Parameters<RunHere>[] = [];
    return {
      ran,
      run: (...all) => {
        ran.push(all);
        return code;
      },
    };
  }

  test('root who cannot become the owner runs the command again as the owner, and ends as it did', async () => {
    const { run, ran } = running(2);
    const args = ['users', 'list', '--json'];
    expect(await runAsOwner(context(ROOT_BARRED), args, 'users', run)).toBe(2);
    expect(ran).toHaveLength(1);
    const [program, given, env] = ran[0] ?? [];
    const { uid, gid } = statSync(store);
    expect(program).toBe('setpriv');
    expect(given?.slice(0, given.indexOf('--'))).toEqual([
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--no-new-privs',
      '--inh-caps=-all,+dac_read_search',
      '--ambient-caps=-all,+dac_read_search',
      '--bounding-set=-all,+dac_read_search',
    ]);
    expect(given?.slice(-args.length - 1)).toEqual([PROGRAM, ...args]);
    expect(env?.['SUDO_USER']).toBe('root');
  });

  test('who is behind sudo stays known', async () => {
    const { run, ran } = running(0);
    await runAsOwner(context(ROOT_BARRED, { SUDO_USER: 'stan' }), ['users', 'list'], 'users', run);
    expect(ran[0]?.[2]).toEqual({ SUDO_USER: 'stan' });
  });

  test.each([
    ['without setpriv', ROOT_BARRED, 'users', undefined],
    ['where setpriv may not do it', ROOT_BARRED, 'users', 127],
  ])('%s the command goes on, to be refused', async (_, operations, word, code) => {
    expect(await runAsOwner(context(operations), [word], word, running(code).run)).toBeUndefined();
  });

  test.each<readonly [string, OwnerOperations, string | undefined]>([
    ['root who can', { ...ROOT_BARRED, setgroups: () => undefined }, 'users'],
    ['anybody else', { ...ROOT_BARRED, geteuid: () => 1000 }, 'users'],
    ['the service', ROOT_BARRED, undefined],
    ['the doctor', ROOT_BARRED, 'doctor'],
  ])('%s goes on as before', async (_, operations, word) => {
    const { run, ran } = running(0);
    expect(await runAsOwner(context(operations), [], word, run)).toBeUndefined();
    expect(ran).toEqual([]);
  });

  test('takeOwner says what to do where nothing else helps', () => {
    expect(() => {
      takeOwner(store, ROOT_BARRED);
    }).toThrow(/this build of Node lets no program change its user: .*sudo -u kapgate/);
  });
});
