// @ts-check
// npm run bench:workers: what a request costs with one process and with several, in CPU-seconds of all of them, in turn.
// With enough processors, N that serve do N times the requests of one, times the ratio.
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
  const one = await startGateway(upstreamPort, 1);
  const several = await startGateway(upstreamPort, WORKERS);
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) {
    await rate(one);
    await rate(several);
  }
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    // Who comes second pays for what the first has left in the caches of the processor: each does so every other round.
    if (round % 2 === 0) rounds.push({ one: await rate(one), several: await rate(several) });
    else rounds.push({ several: await rate(several), one: await rate(one) });
  }
  const ratios = rounds.map((each) => each.several.perCpuSecond / each.one.perCpuSecond);
  const firsts = rounds.map(({ several: each }) => each.firstShare);
  print(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`);
  print(
    `${ROUNDS} rounds of ${MILLISECONDS / 1000} s, ${CONNECTIONS} connections for each process, small GET\n`,
  );
  print('| processes that serve | requests/CPU-s | of one process |\n| --- | --- | --- |');
  print(`| 1 | ${spread(rounds.map((each) => each.one.perCpuSecond))} | |`);
  const cost = spread(rounds.map((each) => each.several.perCpuSecond));
  print(`| ${WORKERS} | ${cost} | ${median(ratios).toFixed(2)} |`);
  print(`\nOf that, the process that keeps the sockets: ${(median(firsts) * 100).toFixed(1)} %`);
}

/** @typedef {{ port: number, pid: number, workers: number }} Gateway */

/** Requests per CPU-second of all its processes. @param {Gateway} gateway */
async function rate({ port, pid, workers }) {
  const before = used(pid);
  const encoded = Buffer.from(REQUEST).toString('base64');
  const args = [String(port), String(CONNECTIONS * workers), String(MILLISECONDS), encoded];
  const { answers, failures } = await load(LOAD_CORE, args);
  if (failures > 0) throw new Error(`${failures} requests failed`);
  const after = used(pid);
  const seconds = after.all - before.all;
  return { perCpuSecond: answers / seconds, firstShare: (after.first - before.first) / seconds };
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

/** @param {number} upstreamPort @param {number} workers @returns {Promise<Gateway>} */
async function startGateway(upstreamPort, workers) {
  const port = await freePort();
  const config = join(directory, `gateway-${workers}.toml`);
  writeFileSync(
    config,
    `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\nworkers = ${workers}\n` +
      `[upstream]\nurl = "http://127.0.0.1:${upstreamPort}"\n[admin]\nbind-address = ""\n` +
      `[store]\npath = ${JSON.stringify(join(directory, 'store'))}\n[log]\nlevel = "error"\n`,
  );
  const kapgate = [process.execPath, 'dist/main.js', '--config', config];
  if (workers === 1) {
    const user = ['users', 'add', 'bench', '--permission', 'all', '--password-stdin'];
    execFileSync(kapgate[0] ?? '', [...kapgate.slice(1), ...user], {
      input: 'bench-password',
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  }
  const child = await start(0, [...kapgate, 'serve'], port);
  children.push(child);
  return { port, pid: child.pid ?? 0, workers };
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
