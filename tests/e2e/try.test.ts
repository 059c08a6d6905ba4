import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import type { ChildProcessByStdio } from 'node:child_process';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { findCurl, paste } from '../support/curl.ts';
import { eventually } from '../support/eventually.ts';
import { MAIN, isTaken } from '../support/gateway-process.ts';
import { findKapacitor } from '../support/kapacitor.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const testWithCurl = findCurl('the lines that kapgate try prints') ? test : test.skip;
const kapacitor = findKapacitor('kapgate try before a real one');
const testWithKapacitor = kapacitor === undefined ? test.skip : testWithCurl;

let dir: TempDir;
let temp: string;
let trial: Trial | undefined;

beforeEach(async () => {
  dir = await createTempDir();
  temp = join(dir.path, 'tmp');
  await mkdir(temp);
});

afterEach(async () => {
  trial?.end('SIGKILL');
  trial = undefined;
  await dir.remove();
});

interface Trial {
  readonly child: ChildProcessByStdio<null, Readable, Readable>;
  readonly stdout: string;
  readonly stderr: string;
  readonly exited: Promise<number | null>;
  /** To it and all that it started, as a terminal does. */
  end(signal: NodeJS.Signals): void;
}

interface TryOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** `kapgate try`, until it has said what to paste; without options before its stand-in. */
async function start({ env = {}, args = [] }: TryOptions = {}): Promise<Trial> {
  const child = spawn(process.execPath, [MAIN, 'try', ...args], {
    cwd: dir.path,
    env: { PATH: dir.path, TMPDIR: temp, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  const exited = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      resolve(code);
    });
  });
  trial = {
    child,
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    exited,
    end: (signal) => {
      if (child.exitCode === null && child.signalCode === null && child.pid !== undefined) {
        process.kill(-child.pid, signal);
      }
    },
  };
  await eventually(
    'what to paste',
    () => output.stdout.includes('Ctrl-C ends it') || child.exitCode !== null,
    180_000,
  );
  return trial;
}

/** What stands between "Paste these" and the end, as a person copies it. */
function printedLines({ stdout }: Trial): string {
  const [, lines = ''] = /Paste these:\n([^]*?)\n {2}# the kapacitor CLI/.exec(stdout) ?? [];
  expect(lines).toContain('curl');
  return lines;
}

/** The status of each answer, in turn: `curl -i` prints its head, behind the last body without a line of its own. */
function statusesIn(output: string): readonly number[] {
  return Array.from(output.matchAll(/HTTP\/1\.1 (\d{3}) [A-Z]/g), ([, status]) => Number(status));
}

describe('kapgate try', () => {
  testWithCurl('its lines do what they promise, and Ctrl-C leaves nothing', async () => {
    const running = await start();
    expect(running.stdout).toContain('a small stand-in');
    const { stdout } = await paste(printedLines(running));
    // One of them has no -i: it answers with the user that it made.
    expect(statusesIn(stdout)).toEqual([401, 204, 200, 403, 204]);
    expect(stdout).toMatch(/^ {4}"name": "telegraf",$/m);
    expect(stdout).toContain('user reader does not have \\"delete\\" privilege for API endpoint');
    expect(await readdir(temp)).not.toEqual([]);
    running.end('SIGINT');
    expect(await running.exited).toBe(0);
    expect(running.stdout).toContain('nothing of the trial is kept');
    expect(running.stderr).not.toMatch(/^\s+at |Error:/m);
    expect(await readdir(temp)).toEqual([]);
  });

  testWithCurl(
    '--meta: its lines do what they promise with the users of a meta node',
    async () => {
      const running = await start({ args: ['--meta'] });
      const { stdout } = await paste(printedLines(running));
      expect(statusesIn(stdout)).toEqual([401, 204, 200, 403, 204, 200, 405]);
      expect(stdout).toContain('user operator does not have \\"read\\" privilege for API endpoint');
      expect(stdout).toMatch(/^ {12}"name": "johndoe",$/m);
      expect(stdout).toMatch(/"error": "users are kept by [^"]*http:\/\/127\.0\.0\.1:\d+/);
      expect(running.stderr).toContain('meta node: GET /user "operator"');
      running.end('SIGINT');
      expect(await running.exited).toBe(0);
      expect(running.stderr).not.toMatch(/^\s+at |Error:/m);
      expect(await readdir(temp)).toEqual([]);
    },
    180_000,
  );

  testWithKapacitor('its lines do what they promise before a real Kapacitor', async () => {
    const running = await start({
      env: { KAPACITORD: kapacitor?.daemon ?? '', PATH: process.env['PATH'] ?? '' },
    });
    const { stdout } = await paste(printedLines(running));
    expect(statusesIn(stdout)).toEqual([401, 204, 200, 403, 204]);
    const [, line = ''] = /^ {2}(kapacitor -url \S+ list tasks)$/m.exec(running.stdout) ?? [];
    if (kapacitor?.cli !== undefined) {
      const listed = await paste(line.replace(/^kapacitor/, kapacitor.cli));
      expect(listed).toMatchObject({ code: 0, stderr: '' });
      expect(listed.stdout).toMatch(/^ID +Type +Status/);
    }
    const [, upstream = ''] = / at http:\/\/127\.0\.0\.1:(\d+)\./.exec(running.stdout) ?? [];
    expect(await isTaken(Number(upstream))).toBe(true);
    running.end('SIGINT');
    expect(await running.exited).toBe(0);
    expect(await isTaken(Number(upstream))).toBe(false);
    expect(await readdir(temp)).toEqual([]);
  });

  test('--upstream puts it before a Kapacitor that runs already, which stays', async () => {
    const upstream = await startRecordingUpstream(
      answering(204, { 'X-Kapacitor-Version': '1.5.9' }),
    );
    try {
      const running = await start({ args: ['--upstream', upstream.url] });
      expect(running.stdout).toContain(`the Kapacitor of --upstream at ${upstream.url}`);
      running.child.kill('SIGTERM');
      expect(await running.exited).toBe(0);
      expect(await readdir(temp)).toEqual([]);
      expect(await isTaken(upstream.port)).toBe(true);
    } finally {
      await upstream.stop();
    }
  });

  test.each([
    ['asks for credentials itself', answering(401, { 'X-Kapacitor-Version': '1.5.9' })],
    ['does not answer as Kapacitor does', answering(200)],
  ])('it says where what is there %s', async (words, handler) => {
    const upstream = await startRecordingUpstream(handler);
    try {
      const running = await start({ args: ['--upstream', upstream.url] });
      expect(await running.exited).toBe(1);
      expect(running.stderr).toContain(words);
      expect(running.stdout).not.toContain('Paste');
      expect(await readdir(temp)).toEqual([]);
    } finally {
      await upstream.stop();
    }
  });

  test('a kapacitord that does not start is told, and nothing is left', async () => {
    const started = performance.now();
    const running = await start({ env: { KAPACITORD: '/bin/false' } });
    expect(await running.exited).toBe(1);
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(running.stderr).toMatch(/^kapgate: cannot start \/bin\/false: it ended with 1$/m);
    expect(await readdir(temp)).toEqual([]);
  });

  test('a reader of its output that leaves is told like Ctrl-C', async () => {
    const running = await start();
    running.child.stdout.destroy();
    running.child.kill('SIGTERM');
    expect(await running.exited).toBe(0);
    expect(await readdir(temp)).toEqual([]);
  });
});
