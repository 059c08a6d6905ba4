import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { chmod, chown, readdir, stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';
import { buildSrc } from '../support/build-src.ts';
import { someHash } from './hash.ts';
import { useStores } from './open-stores.ts';

const CHILD = fileURLToPath(new URL('child.js', import.meta.url));

let home: TempDir;
let built = '';
beforeAll(async () => {
  home = await createTempDir();
  built = await buildSrc(home.path);
});
afterAll(() => home.remove());

const stores = useStores();

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
const children: Child[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

/** What LMDB says itself of a page that it should not have met: none of it, whoever else writes or was killed. */
const complaints: string[] = [];
afterAll(() => {
  expect(complaints).toEqual([]);
});

interface Worker {
  readonly child: Child;
  /** What it has said so far. */
  readonly lines: string[];
  /** Resolves with the next line that nobody took yet. */
  said(): Promise<string>;
  ask(line: string): Promise<string>;
  ended: Promise<unknown>;
}

function start(path: string, task: string, label = ''): Worker {
  const child = spawn(process.execPath, [CHILD, built, path, task, label], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  children.push(child);
  child.stderr.setEncoding('utf8').on('data', (text: string) => complaints.push(text));
  const lines: string[] = [];
  let taken = 0;
  let wake = (): void => undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    wake();
  });
  const said = async (): Promise<string> => {
    const index = taken++;
    for (;;) {
      const line = lines[index];
      if (line !== undefined) return line;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  const ask = (line: string): Promise<string> => {
    child.stdin.write(`${line}\n`);
    return said();
  };
  return { child, lines, said, ask, ended: once(child, 'close') };
}

describe('a killed process', () => {
  for (const task of ['write', 'burst']) {
    test(`loses no write that was acknowledged (${task})`, async () => {
      const path = await stores.path();
      for (let round = 0; round < 4; round++) {
        const worker = start(path, task, `r${round}`);
        while (worker.lines.length < 250) await worker.said();
        worker.child.kill('SIGKILL');
        await worker.ended;

        const { store } = await stores.open(path);
        const acknowledged = worker.lines.map((line) => line.split(' ')[0] ?? '');
        for (const line of worker.lines) expect(line).toMatch(/^r\d+-\d+ created$/);
        for (const name of acknowledged) expect(store.find(name)?.hash).toBe(someHash());
        expect(acknowledged.length).toBeGreaterThanOrEqual(250);
        const all = [...store.list()];
        expect(store.summary().users).toBe(all.length);
        expect(await store.create({ ...plain, name: `after-${round}` })).toBe('created');
        await store.close();
      }
    });
  }

  test('leaves all of a batch or nothing, and all where it was acknowledged', async () => {
    const path = await stores.path();
    let killedWithin = 0;
    for (let round = 0; round < 12; round++) {
      const worker = start(path, 'batch', `r${round}`);
      while (!worker.lines.includes('begin 2')) await worker.said();
      // Somewhere in the third batch: while it is put together, written, or synced.
      setTimeout(() => worker.child.kill('SIGKILL'), round * 3);
      await worker.ended;

      const { store } = await stores.open(path);
      const mine = [...store.names()].filter((name) => name.startsWith(`r${round}-`));
      const acknowledged = worker.lines.filter((line) => / replaced$/.test(line)).length;
      const begun = worker.lines.filter((line) => line.startsWith('begin')).length;
      expect(mine.length % 1000).toBe(0);
      expect(mine.length).toBeGreaterThanOrEqual(acknowledged * 1000);
      expect(mine.length).toBeLessThanOrEqual(begun * 1000);
      if (begun > acknowledged) killedWithin++;
      expect(store.summary().users).toBe([...store.list()].length);
      await store.close();
    }
    expect(killedWithin).toBeGreaterThan(0);
  });

  test('does not keep others from writing, wherever it was', async () => {
    const { store, path } = await stores.open();
    for (let round = 0; round < 10; round++) {
      const worker = start(path, 'burst', `r${round}`);
      await worker.said();
      setTimeout(() => worker.child.kill('SIGKILL'), round);
      for (let count = 0; count < 20; count++) {
        expect(await store.create({ ...plain, name: `mine-${round}-${count}` })).toBe('created');
      }
      await worker.ended;
    }
    expect(store.summary().users).toBe([...store.names()].length);
  });
});

describe('a full disk', () => {
  test('is told, loses nothing, and ends nobody', async () => {
    const path = await stores.path();
    // A file of at most 400 blocks stands for the disk.
    const script = `trap '' XFSZ; ulimit -f 400; exec "$0" "$@"`;
    const args = ['-c', script, process.execPath, CHILD, built, path, 'fill', 'u'];
    const { stdout, status } = spawnSync('bash', args, { encoding: 'utf8' });
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(/^UserStoreError: cannot write the user store .*File too large/),
      'none lost',
      'deleted',
      '',
    ]);
    expect(status).toBe(0);
    const { store } = await stores.open(path);
    expect(store.summary().users).toBe([...store.list()].length);
  });
});

describe('a data file that was cut off', () => {
  test('is refused', async () => {
    const { store, path } = await stores.open();
    await store.create({ ...plain, name: 'a' });
    await store.close();
    await truncate(join(path, 'data.mdb'), 4 * 4096);
    // LMDB has words of its own for standard error ("index points to a 00 page"), so it is opened elsewhere.
    const { stderr, status } = runTask(path, 'count');
    expect(stderr).toMatch(
      /UserStoreError: cannot open the user store .*MDB_CORRUPTED.*put it back from a backup/,
    );
    expect(status).toBe(1);
  });
});

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).status === 0;
if (!canMount) process.stderr.write('skipped: no mount namespaces (a store on a full disk)\n');

(canMount ? describe : describe.skip)('a disk of its own', () => {
  /** Shell lines in a namespace with a tmpfs of 400 KiB at $disk; `store TASK` runs a child on a store in it. */
  function onDisk(lines: readonly string[]): string {
    const script = [
      'disk="$1"; shift',
      'mkdir -p "$disk" && mount -t tmpfs -o size=400k none "$disk"',
      'store() { "$@" "$disk/store" "$task" u 2>"$disk.err" || echo "exit $?"; grep -o "cannot .*" "$disk.err" | tail -1; }',
      ...lines.map((line) => line.replace(/^store (\w+)$/, 'task=$1; store "$@"')),
    ];
    const args = [join(home.path, 'disk'), process.execPath, CHILD, built];
    return spawnSync('unshare', ['-m', 'sh', '-c', script.join('\n'), 'sh', ...args], {
      encoding: 'utf8',
    }).stdout;
  }
  const FILL = 'head -c 900000 /dev/zero >"$disk/more" 2>/dev/null';
  const NO_ROOM = /cannot open the user store .*no space left on device.*\(make room on its disk\)/;

  test('that is full: all that was acknowledged is there, and is read again, once there is room', () => {
    const said = onDisk(['store fill', FILL, 'store count', 'rm "$disk/more"', 'store count']);
    const [fault, nothing, , before, after] = said.split('\n');
    expect(fault).toMatch(
      /^UserStoreError: cannot write .*No space left.*\(make room on its disk\)$/,
    );
    expect(nothing).toBe('none lost');
    expect(Number(before)).toBeGreaterThan(100);
    expect(after).toBe(before);
  });

  test('that is full: a store without its lock file is refused, and no process ends by SIGBUS', () => {
    const said = onDisk([
      'task=fill; store "$@" >/dev/null; rm "$disk/store/lock.mdb"',
      FILL,
      'store count',
      'rm "$disk/more"',
      'store count',
    ]);
    const [exit, fault, count] = said.split('\n');
    expect(exit).toBe('exit 1');
    expect(fault).toMatch(NO_ROOM);
    expect(Number(count)).toBeGreaterThan(100);
  });

  test('that is full: no store is begun, and nothing of it is left', () => {
    const said = onDisk([
      FILL,
      'store count',
      'ls -A "$disk/store"',
      'rm "$disk/more"',
      'store count',
    ]);
    const [exit, fault, count] = said.split('\n');
    expect(exit).toBe('exit 1');
    expect(fault).toMatch(NO_ROOM);
    expect(count).toBe('0');
  });

  test('that may only be read is told, and what is to be done', () => {
    const said = onDisk(['store count', 'mount -o remount,ro "$disk"', 'store count']);
    const [count, exit, fault] = said.split('\n');
    expect(count).toBe('0');
    expect(exit).toBe('exit 1');
    expect(fault).toMatch(
      /cannot open the user store .*read-only file system.*\(its file system must be writable\)/,
    );
  });
});

/** Runs a task to its end. */
function runTask(
  path: string,
  task: string,
): { readonly stderr: string; readonly status: number | null } {
  return spawnSync(process.execPath, [CHILD, built, path, task], { encoding: 'utf8' });
}

const plain = { admin: false, hash: someHash(), permissions: ['api'] };

describe('several processes', () => {
  test('see what another one wrote at once', async () => {
    const { store, path } = await stores.open();
    const other = start(path, 'serve');
    expect(await other.said()).toBe('ready');
    for (let round = 0; round < 50; round++) {
      expect(await other.ask('find stan')).toBe('nobody');
      await store.create({ ...plain, name: 'stan' });
      expect(await other.ask('find stan')).toBe(someHash());
      await store.update('stan', { hash: someHash(5) });
      expect(await other.ask('find stan')).toBe(someHash(5));
      expect(await other.ask('delete stan')).toBe('deleted');
      expect(store.find('stan')).toBeUndefined();
      expect(await other.ask('create stan')).toBe('created');
      expect(store.find('stan')?.hash).toBe(someHash());
      await store.delete('stan');
    }
  });

  test('take snapshots that are whole while others write batches', async () => {
    const path = await stores.path();
    await (await stores.open(path)).store.close();
    const writer = start(path, 'batch', 'w');
    const reader = start(path, 'snapshots');
    await reader.said();
    let seen = 0;
    for (let counted = 0; counted < 20_000; seen++) {
      const [stated = -1, listed] = (await reader.ask('now')).split(' ').map(Number);
      expect(listed).toBe(stated);
      expect(stated % 1000).toBe(0);
      expect(stated).toBeGreaterThanOrEqual(counted);
      counted = stated;
    }
    expect(seen).toBeGreaterThan(1);
    await writer.ended;
  });

  test('see it also where the store has grown meanwhile', async () => {
    const { store, path } = await stores.open();
    const other = start(path, 'serve');
    await other.said();
    expect(await other.ask('fill 20000')).toBe('filled');
    expect(store.find('fill-19999')?.name).toBe('fill-19999');
    expect(store.summary().users).toBe(20_000);
    await store.create({ ...plain, name: 'zuletzt' });
    expect(await other.ask('find zuletzt')).toBe(someHash());
    expect([...store.names()]).toHaveLength(20_001);
  });

  test('that begin a store at the same time begin one, and make one first admin', async () => {
    for (let round = 0; round < 5; round++) {
      const path = await stores.path();
      const workers = ['a', 'b', 'c', 'd'].map((label) => start(path, 'firstAdmin', label));
      for (const worker of workers) expect(await worker.said()).toBe('ready');
      const outcomes = await Promise.all(workers.map((worker) => worker.ask('go')));
      expect([...outcomes].sort()).toEqual(['created', 'too-late', 'too-late', 'too-late']);
      await Promise.all(workers.map((worker) => worker.ended));
      const { store } = await stores.open(path);
      expect(store.summary()).toMatchObject({ users: 1, admins: 1 });
      expect((await readdir(path)).sort()).toEqual(['data.mdb', 'lock.mdb']);
    }
  });
});

const isRoot = process.getuid?.() === 0;
/** Nobody: no other process is theirs. */
const UID = 65_534;

(isRoot ? describe : describe.skip)('a store of another user', () => {
  const run = (script: string, ...args: string[]) =>
    spawnSync(process.execPath, ['--input-type=module', '-e', script, built, ...args], {
      encoding: 'utf8',
    });
  const OPEN = `
    const [built, path] = process.argv.slice(1);
    const { openUserStore } = await import(built + '/users/store.js');
    process.setuid(${UID});
    try { openUserStore({ path, minimumCost: 4 }); console.log('opened'); }
    catch (error) { console.log(error.message); }`;

  test('is refused with a sentence, whatever of it is closed, and crashes nobody', async () => {
    const { store, path } = await stores.open();
    await store.close();
    await chmod(dirname(path), 0o755);
    const data = join(path, 'data.mdb');
    const lock = join(path, 'lock.mdb');
    const refused = async (owners: readonly (readonly [string, number])[]): Promise<void> => {
      for (const [file, uid] of owners) await chown(file, uid, uid);
      const { stdout, signal } = run(OPEN, path);
      expect({ stdout, signal }).toEqual({
        stdout: expect.stringMatching(
          /^cannot open the user store .*EACCES.*run it with sudo, or as the user that owns the directory/,
        ),
        signal: null,
      });
    };
    await refused([]);
    await chmod(path, 0o777);
    await refused([]);
    await refused([[lock, UID]]);
    await refused([
      [lock, 0],
      [data, UID],
    ]);
    await chmod(path, 0o755);
    await refused([[lock, UID]]);
    await chown(path, UID, UID);
    expect(run(OPEN, path).stdout).toBe('opened\n');
  });

  test('root goes on as the owner of the directory, and leaves nothing of its own', async () => {
    const path = await stores.path();
    await chown(dirname(path), UID, UID);
    const script = `
      const [built, path] = process.argv.slice(1);
      const { takeOwner } = await import(built + '/users/owner.js');
      const { openUserStore } = await import(built + '/users/store.js');
      takeOwner(path, process);
      const store = openUserStore({ path, minimumCost: 4 });
      await store.create({ name: 'a', admin: true, hash: '${someHash()}', permissions: [] });
      await store.close();
      console.log(process.getuid(), process.geteuid(), process.getgid(), process.getgroups().join());`;
    const { stdout } = run(script, dirname(path));
    expect(stdout).toBe(`${UID} ${UID} ${UID} ${UID}\n`);
    for (const file of ['data.mdb', 'lock.mdb']) {
      expect((await stat(join(dirname(path), file))).uid).toBe(UID);
    }
  });
});
