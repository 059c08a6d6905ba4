import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { openSync, closeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { buildSrc } from '../support/build-src.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { MAIN, startGateway, writeConfig } from '../support/gateway-process.ts';
import { exchange, requestText } from '../support/raw-client.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const TIMEOUT_MS = 240_000;
const MIB = 1024 * 1024;

let dir: TempDir;
let upstream: RecordingUpstream;

beforeEach(async () => {
  dir = await createTempDir();
  upstream = await startRecordingUpstream(answering(204));
});

afterEach(async () => {
  await upstream.stop();
  await dir.remove();
});

/** A line of some 8 KiB for each. */
async function refused(port: number, count: number): Promise<void> {
  const text = requestText('GET', '/kapacitor/v1/tasks', [`User-Agent: ${'x'.repeat(8000)}`]);
  for (let sent = 0; sent < count; sent += 20) {
    const answers = Array.from({ length: 20 }, () => exchange(port, text));
    for (const { status } of await Promise.all(answers)) expect(status).toBe(401);
  }
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.includes('msg="http request"'));
}

function lostOf(text: string): number {
  const told = [...text.matchAll(/msg="lines of the log are lost" lines=(\d+)/g)];
  return told.reduce((sum, [, lines]) => sum + Number(lines), 0);
}

/** A gateway whose standard error nobody reads yet. */
async function startUnread(
  settings: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<{ readonly child: ChildProcess; readonly port: number }> {
  const port = await findFreePort();
  const file = await writeConfig({ dir: dir.path, upstream: upstream.url, port, settings });
  const child = spawn(process.execPath, [MAIN, 'serve', '--config', file], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const answers = (): Promise<boolean> =>
    exchange(port, requestText('OPTIONS', '/')).then(
      () => true,
      () => false,
    );
  await eventually('it listens', answers, 60_000);
  return { child, port };
}

async function exitOf(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null) await once(child, 'exit');
  return child.exitCode;
}

describe('the log of a gateway', () => {
  test(
    'that is told to stop has each request',
    async () => {
      const file = join(dir.path, 'x.log');
      const settings = { log: { file: JSON.stringify(file) } };
      const gateway = await startGateway({ dir: dir.path, upstream: upstream.url, settings });
      await refused(gateway.port, 100);
      expect(await gateway.stop()).toBe(0);
      const text = await readFile(file, 'utf8');
      expect(linesOf(text)).toHaveLength(100);
      expect(text).toMatch(/msg=stopped\n$/);
    },
    TIMEOUT_MS,
  );

  test.each([1, 2])(
    'with %i workers that nobody reads has a bound, says what was lost, and stops no request',
    async (workers) => {
      const { child, port } = await startUnread({ http: { workers: String(workers) } });
      const count = 3000;
      await refused(port, count);
      let text = '';
      child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
      await eventually('what waited is read', () => linesOf(text).length > 300, 60_000);
      let more = 0;
      await eventually(
        'it says what was lost',
        async () => {
          await refused(port, 20);
          more += 20;
          return linesOf(text).length + lostOf(text) >= count;
        },
        60_000,
      );
      child.kill('SIGTERM');
      expect(await exitOf(child)).toBe(0);
      await eventually('all is read', () => text.endsWith('msg=stopped\n'));
      expect(lostOf(text)).toBeGreaterThan(0);
      // All that was in pipes and in memory: of one process, and of each that hands its lines to another.
      expect((count - lostOf(text)) * 8000).toBeLessThan((workers + 1) * 5 * MIB);
      // And the request by which it was seen to listen.
      expect(linesOf(text).length + lostOf(text)).toBe(count + more + 1);
    },
    TIMEOUT_MS,
  );

  test(
    'that nobody reads does not keep it from ending',
    async () => {
      const { child, port } = await startUnread({});
      await refused(port, 100);
      child.kill('SIGTERM');
      expect(await exitOf(child)).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    'whose reader goes away costs the lines and nothing else',
    async () => {
      const { child, port } = await startUnread({});
      child.stderr?.destroy();
      await refused(port, 2000);
      child.kill('SIGTERM');
      expect(await exitOf(child)).toBe(0);
    },
    TIMEOUT_MS,
  );
});

/** Speaks to a log of its own, and ends at once. */
const SPEAKER = `
  const [module, file, end] = process.argv.slice(1);
  const { createLog } = await import(module);
  const onExit = (listener) => process.on('exit', listener);
  const log = createLog({ level: 'info', format: 'logfmt', file }, { stderr: process.stderr, onExit });
  for (let index = 0; index < 300; index++) log.info('m', { index });
  log.warn('m', { index: 300 });
  for (let index = 301; index < 600; index++) log.info('m', { index });
  if (end === 'exit') process.exit(0);
  throw new Error('a fault of ours');
`;

describe('the log of a process that ends at once', () => {
  let built: TempDir;
  let module: string;

  beforeAll(async () => {
    built = await createTempDir();
    module = pathToFileURL(join(await buildSrc(built.path), 'kernel/log.js')).href;
  }, TIMEOUT_MS);

  afterAll(() => built.remove());

  const places = ['file', 'pipe', 'standard error in a file'] as const;
  test.each(places.flatMap((place) => [[place, 'exit'] as const, [place, 'throw'] as const]))(
    'has each line: %s, by %s',
    async (place, end) => {
      const file = join(dir.path, 'speaker.log');
      const to = place === 'file' ? file : '';
      const args = ['--input-type=module', '-e', SPEAKER, module, to, end];
      const descriptor = place === 'standard error in a file' ? openSync(file, 'a') : undefined;
      const { stderr } = spawnSync(process.execPath, args, {
        encoding: 'utf8',
        stdio: ['ignore', 'ignore', descriptor ?? 'pipe'],
      });
      if (descriptor !== undefined) closeSync(descriptor);
      const text = place === 'pipe' ? stderr : await readFile(file, 'utf8');
      const indices = [...text.matchAll(/msg=m index=(\d+)\n/g)].map(([, index]) => Number(index));
      expect(indices.toSorted((a, b) => a - b)).toEqual([...Array(600).keys()]);
    },
    TIMEOUT_MS,
  );

  test(
    'begins a line anew where a disk took only a part of the one before',
    async () => {
      const file = join(dir.path, 'cut.log');
      const script = `
        const { statSync, truncateSync } = await import('node:fs');
        const { setTimeout } = await import('node:timers/promises');
        const [module, file] = process.argv.slice(1);
        const { createLog } = await import(module);
        const log = createLog({ level: 'info', format: 'logfmt', file }, { stderr: process.stderr, onExit: () => {} });
        for (let index = 0; index < 100; index++) log.info('m', { index, value: 'x'.repeat(400) });
        log.warn('full');
        while (statSync(file).size === 0) await setTimeout(20);
        await setTimeout(200);
        truncateSync(file, statSync(file).size - 300);
        log.warn('back');
        await log.close();
      `;
      const shell = `trap '' XFSZ; ulimit -f 8; exec "$0" --input-type=module -e "$1" "$2" "$3"`;
      const args = ['-c', shell, process.execPath, script, module, file];
      const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      const lines = (await readFile(file, 'utf8')).split('\n');
      const begun = lines.filter((line) => line !== '');
      for (const line of begun) expect(line).toMatch(/^ts=(?:(?!ts=).)*$/);
      expect(begun.at(-1)).toMatch(/lvl=warn msg=back$/);
      expect(begun.at(-2)).not.toMatch(/x{400}$/);
    },
    TIMEOUT_MS,
  );
});
