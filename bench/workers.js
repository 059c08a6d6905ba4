// @ts-check
// npm run bench:workers: what a request costs with one process and with several, in CPU-seconds of all of them, in turn.
// With enough processors, N that serve do N times the requests of one, times the ratio. Beside them as many gateways that
// know nothing of each other: what those lose, they lose by sharing a processor.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, freePort, load, start } from './processes.js';

const WORKERS = Number(process.argv[2] ?? 2);
const ROUNDS = Number(process.argv[3] ?? 15);
const MILLISECONDS = 2_000;
const WARM_UPS = 4;
/** Each process that serves has as many: as where a second processor takes on as much as the first. */
const CONNECTIONS = 32;
const AUTHORIZATION = `Basic ${Buffer.from('bench:bench-password').toString('base64')}`;
const REQUEST = `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`;
/** The row of the table for each. */
const NAMES = {
  one: '1',
  workers: String(WORKERS),
  apart: `${WORKERS}, each a gateway of its own`,
};
const LOAD_CORE = cpus().length > 1 ? 1 : 0;

const directory = mkdtempSync(join(tmpdir(), 'kapgate-bench-'));
/** @type {import('node:child_process').ChildProcess[]} */
const children = [];
try {
  await main();
} finally {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => new Promise((resolve) => child.once('exit', resolve))));
  rmSync(directory, { recursive: true, force: true });
}

async function main() {
  const upstreamPort = await freePort();
  const upstream = [process.execPath, 'bench/upstream.js', String(upstreamPort)];
  children.push(await start(LOAD_CORE, upstream, upstreamPort));
  const one = [await startGateway(upstreamPort, 'one', 1)];
  const workers = Array(WORKERS).fill(await startGateway(upstreamPort, 'workers', WORKERS));
  const apart = [];
  for (let index = 0; index < WORKERS; index++) {
    apart.push(await startGateway(upstreamPort, `apart-${index}`, 1));
  }
  const all = { one, workers, apart };
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) await rates(all, false);
  /** @type {Record<keyof typeof all, Rate>[]} */
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Who comes later pays for what those before have left in the caches of the processor: every other round turned round.
    rounds.push(await rates(all, round % 2 === 1));
  }
  const firsts = rounds.map(({ workers: each }) => each.firstShare);
  print(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`);
  print(
    `${ROUNDS} rounds of ${MILLISECONDS / 1000} s, ${CONNECTIONS} connections for each process, small GET\n`,
  );
  print('| processes that serve | requests/CPU-s | of one process |\n| --- | --- | --- |');
  for (const [id, name] of Object.entries(NAMES)) {
    const found = rounds.map((each) => each[/** @type {keyof typeof NAMES} */ (id)].perCpuSecond);
    const ratio = median(
      found.map((each, round) => each / (rounds[round]?.one.perCpuSecond ?? NaN)),
    );
    print(`| ${name} | ${spread(found)} | ${id === 'one' ? '' : ratio.toFixed(2)} |`);
  }
  print(`\nOf that, the process that keeps the sockets: ${(median(firsts) * 100).toFixed(1)} %`);
}

/** @typedef {{ port: number, pid: number }} Gateway */
/** @typedef {{ perCpuSecond: number, firstShare: number }} Rate */

/** @template {string} T @param {Record<T, Gateway[]>} all @param {boolean} isTurned @returns {Promise<Record<T, Rate>>} */
async function rates(all, isTurned) {
  const entries = Object.entries(all);
  /** @type {Record<string, Rate>} */
  const found = {};
  for (const [id, gateways] of isTurned ? entries.reverse() : entries) {
    found[id] = await rate(gateways);
  }
  return found;
}

/** Requests per CPU-second of all their processes. @param {Gateway[]} gateways @returns {Promise<Rate>} */
async function rate(gateways) {
  const pids = [...new Set(gateways.map(({ pid }) => pid))];
  const before = usedBy(pids);
  const ports = gateways.map(({ port }) => port).join(',');
  const connections = String(CONNECTIONS * gateways.length);
  const encoded = Buffer.from(REQUEST).toString('base64');
  const args = [ports, connections, String(MILLISECONDS), encoded];
  const { answers, failures } = await load(LOAD_CORE, args);
  if (failures > 0) throw new Error(`${failures} requests failed`);
  const after = usedBy(pids);
  const seconds = after.all - before.all;
  return { perCpuSecond: answers / seconds, firstShare: (after.first - before.first) / seconds };
}

/** @param {number[]} pids */
function usedBy(pids) {
  return pids
    .map(used)
    .reduce((sum, each) => ({ first: sum.first + each.first, all: sum.all + each.all }), {
      first: 0,
      all: 0,
    });
}

/** @param {number} pid */
function used(pid) {
  const first = cpuSeconds(pid);
  return { first, all: childrenOf(pid).reduce((sum, child) => sum + cpuSeconds(child), first) };
}

/** @param {number} pid */
function childrenOf(pid) {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((name) => parentOf(name) === pid)
    .map(Number);
}

/** @param {string} pid */
function parentOf(pid) {
  try {
    return Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ')[1]);
  } catch {
    return undefined;
  }
}

/** @param {number} upstreamPort @param {string} name @param {number} workers @returns {Promise<Gateway>} */
async function startGateway(upstreamPort, name, workers) {
  const port = await freePort();
  const config = join(directory, `${name}.toml`);
  writeFileSync(
    config,
    `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\nworkers = ${workers}\n` +
      `[upstream]\nurl = "http://127.0.0.1:${upstreamPort}"\n[admin]\nbind-address = ""\n` +
      `[store]\npath = ${JSON.stringify(join(directory, name))}\n[log]\nlevel = "error"\n`,
  );
  const kapgate = ['dist/main.js', '--config', config];
  const user = ['users', 'add', 'bench', '--permission', 'all', '--password-stdin'];
  execFileSync(process.execPath, [...kapgate, ...user], {
    input: 'bench-password',
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const child = await start(0, [process.execPath, ...kapgate, 'serve'], port);
  children.push(child);
  return { port, pid: child.pid ?? 0 };
}

/** @param {number[]} values */
function spread(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${Math.round(median(values))} (${Math.round(low)}–${Math.round(high)})`;
}

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
