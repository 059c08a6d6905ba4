import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { call } from '../support/api.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import type { RecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const RECEIVER = fileURLToPath(new URL('../support/notify-receiver.py', import.meta.url));
const PATIENCE_MS = 240_000;

const isThere = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const canReceive = isThere('python3') && isThere('systemd-notify');
if (!canReceive) process.stderr.write('skipped: no python3 or no systemd-notify (sd_notify)\n');

type Said = Readonly<Record<string, string | number>>;

let dir: TempDir;
let upstream: RecordingUpstream;
let receiver: ChildProcessWithoutNullStreams;
let said: Said[];
let gateway: GatewayProcess;

beforeAll(async () => {
  upstream = await startRecordingUpstream(answering(204));
});

afterAll(() => upstream.stop());

beforeEach(async () => {
  dir = await createTempDir();
});

afterEach(async () => {
  await gateway.kill();
  receiver.kill();
  await dir.remove();
});

async function start(env: Readonly<Record<string, string>>, socket: string): Promise<void> {
  said = [];
  receiver = spawn('python3', [RECEIVER, socket], { stdio: 'pipe' });
  receiver.stderr.pipe(process.stderr);
  let isListening = false;
  createInterface({ input: receiver.stdout }).on('line', (line) => {
    if (isListening) said.push(JSON.parse(line) as Said);
    isListening = true;
  });
  await eventually('the receiver is there', () => isListening, PATIENCE_MS);
  gateway = await startGateway({
    dir: dir.path,
    upstream: upstream.url,
    settings: { http: { 'shutdown-timeout': '"200ms"' } },
    env: { NOTIFY_SOCKET: socket, ...env },
  });
}

/** What was said, without signs of life and without times. */
const words = (): readonly Said[] =>
  said
    .filter((each) => !('WATCHDOG' in each))
    .map((each) => Object.fromEntries(Object.entries(each).filter(([name]) => name !== 'at')));

const saidTimes = (count: number): Promise<void> =>
  eventually(`${count} messages`, () => words().length >= count, PATIENCE_MS);

const aliveTimes = (): number => said.filter(({ WATCHDOG }) => WATCHDOG === '1').length;

/** Preloaded into the gateway: SIGUSR2 has its event loop stand still for so long. */
const STANDING_STILL = (ms: number): string =>
  `--import=data:text/javascript,${encodeURIComponent(
    `process.on('SIGUSR2', () => { const end = Date.now() + ${ms}; while (Date.now() < end); });`,
  )}`;

(canReceive ? describe : describe.skip)('what systemd is told', () => {
  const listening = (): string => `listening on 127.0.0.1:${gateway.port}`;

  test(
    'that requests are taken, that a reload begins and ends, and that it stops',
    async () => {
      await start({}, join(dir.path, 'notify'));
      await saidTimes(1);
      expect(words()).toEqual([{ READY: '1', STATUS: listening() }]);
      expect((await call(gateway.port, 'GET', '/kapacitor/v1/ping')).status).toBe(401);

      const before = Number(process.hrtime.bigint() / 1000n);
      process.kill(gateway.pid, 'SIGHUP');
      await saidTimes(3);
      const [, reloading, ready] = words();
      expect(reloading).toEqual({ RELOADING: '1', MONOTONIC_USEC: expect.any(String) });
      // systemd takes an earlier one for the echo of another reload.
      expect(Number(reloading?.['MONOTONIC_USEC'])).toBeGreaterThanOrEqual(before);
      expect(Number(reloading?.['MONOTONIC_USEC'])).toBeLessThanOrEqual(Number(said[1]?.['at']));
      expect(ready).toEqual({ READY: '1', STATUS: listening() });

      expect(await gateway.stop()).toBe(0);
      await saidTimes(4);
      expect(words()[3]).toEqual({ STOPPING: '1' });
    },
    PATIENCE_MS * 2,
  );

  test(
    'that a reload failed, and why, in one line: the old configuration goes on, ready',
    async () => {
      await start({}, join(dir.path, 'notify'));
      await saidTimes(1);
      const good = await readFile(gateway.configFile, 'utf8');
      await writeFile(gateway.configFile, `${good}\n[upstrem]\nurl = 1\n[nowhere]\nkey = 1\n`);
      process.kill(gateway.pid, 'SIGHUP');
      await saidTimes(3);
      expect(words()[1]).toMatchObject({ RELOADING: '1' });
      expect(words()[2]).toEqual({
        READY: '1',
        STATUS: expect.stringMatching(
          /^listening on .*; not reloaded, the old configuration goes on: .*upstrem.*nowhere/,
        ),
      });
      await writeFile(gateway.configFile, good);
      process.kill(gateway.pid, 'SIGHUP');
      await saidTimes(5);
      expect(words()[4]).toEqual({ READY: '1', STATUS: listening() });
    },
    PATIENCE_MS * 2,
  );

  test(
    'of a storm of reloads the last word is that it is ready',
    async () => {
      await start({}, join(dir.path, 'notify'));
      await saidTimes(1);
      const before = gateway.log.split('msg=reloaded').length;
      for (let count = 0; count < 30; count++) {
        process.kill(gateway.pid, 'SIGHUP');
        await sleep(5);
      }
      await eventually('it has reloaded', () => gateway.log.split('msg=reloaded').length > before);
      for (let count = -1; count < words().length;) {
        count = words().length;
        await sleep(2_000);
        // The end of the last reload may be long in coming, but it comes.
        await eventually('it is ready', () => words().at(-1)?.['READY'] === '1', PATIENCE_MS);
      }
      expect(words().at(-1)).toEqual({ READY: '1', STATUS: listening() });
      expect(await gateway.stop()).toBe(0);
      await eventually('it stops', () => words().at(-1)?.['STOPPING'] === '1', PATIENCE_MS);
    },
    PATIENCE_MS * 2,
  );

  test(
    'that it lives, twice in the time of the watchdog, and not while its event loop stands still',
    async () => {
      const watchdog = { WATCHDOG_USEC: '1000000', NODE_OPTIONS: STANDING_STILL(4_000) };
      // An abstract socket, as containers have them.
      await start(watchdog, `@kapgate-test-${process.pid}`);
      await eventually('it lives', () => aliveTimes() >= 3, PATIENCE_MS);
      process.kill(gateway.pid, 'SIGUSR2');
      // One may be on its way.
      await sleep(1_000);
      const before = aliveTimes();
      await sleep(2_000);
      expect(aliveTimes()).toBe(before);
      await eventually('it lives again', () => aliveTimes() >= before + 2, PATIENCE_MS);
      expect(await gateway.stop()).toBe(0);
      await eventually('it stops', () => words().at(-1)?.['STOPPING'] === '1', PATIENCE_MS);
      const atStop = aliveTimes();
      await sleep(1_000);
      expect(aliveTimes()).toBe(atStop);
    },
    PATIENCE_MS * 3,
  );
});
