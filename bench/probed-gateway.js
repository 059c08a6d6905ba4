// @ts-check
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { accepts, freePort } from './processes.js';

/**
 * @typedef {object} ProbedGateway
 * @property {number} port
 * @property {number} pid
 * @property {() => Promise<Probe>} probe
 * @property {() => number} descriptors
 * @property {() => Promise<void>} stop
 */
/** @typedef {{ loopP99Ms: number, loopMaxMs: number, loopWorkMaxMs: number, rss: number, heapUsed: number, external: number }} Probe */

/**
 * A gateway with one user, `bench` with `bench-password`, whose event loop and heap can be asked for.
 * @param {number} upstreamPort @param {Record<string, string>} env @returns {Promise<ProbedGateway>}
 */
export async function startProbedGateway(upstreamPort, env = {}) {
  const directory = mkdtempSync(join(tmpdir(), 'kapgate-bench-'));
  const port = await freePort();
  const config = join(directory, 'gateway.toml');
  const probeFile = join(directory, 'probe.json');
  writeFileSync(
    config,
    `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\nshutdown-timeout = "1s"\n` +
      `[upstream]\nurl = "http://127.0.0.1:${upstreamPort}"\n[admin]\nbind-address = ""\n` +
      `[store]\npath = ${JSON.stringify(join(directory, 'store'))}\n[log]\nlevel = "error"\n`,
  );
  const main = ['dist/main.js', '--config', config];
  const user = ['users', 'add', 'bench', '--permission', 'all', '--password-stdin'];
  execFileSync(process.execPath, [...main, ...user], {
    input: 'bench-password',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const preload = ['--expose-gc', '--import', './bench/probe.js'];
  const child = spawn(process.execPath, [...preload, ...main, 'serve'], {
    stdio: ['ignore', 'ignore', 'ignore'],
    env: { ...process.env, ...env, BENCH_PROBE: probeFile },
  });
  const pid = child.pid ?? 0;
  for (let attempt = 0; !(await accepts(port)); attempt++) {
    if (attempt === 400) throw new Error('the gateway does not listen');
    await sleep(25);
  }
  return {
    port,
    pid,
    probe: async () => {
      rmSync(probeFile, { force: true });
      process.kill(pid, 'SIGUSR2');
      while (!existsSync(probeFile)) await sleep(10);
      await sleep(30);
      return JSON.parse(readFileSync(probeFile, 'utf8'));
    },
    descriptors: () => readdirSync(`/proc/${pid}/fd`).length,
    stop: async () => {
      child.kill();
      await new Promise((resolve) => child.once('exit', resolve));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** @param {string} user */
export const AUTHORIZATION = (user) =>
  `Authorization: Basic ${Buffer.from(user).toString('base64')}`;
