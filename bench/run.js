// @ts-check
// npm run bench: requests per CPU-second of the gateway beside a minimal http-proxy gateway, in turn, on one core.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, freePort, load, peakMemory, start } from './processes.js';

const isQuick = process.argv.includes('quick');
const ROUNDS = isQuick ? 7 : 25;
const MILLISECONDS = 1_000;
/** Until the code of both is compiled. */
const WARM_UPS = isQuick ? 4 : 8;
const CONNECTIONS = 32;
const MANY_CONNECTIONS = 256;
const PROXY_CORE = 0;
const LOAD_CORE = cpus().length > 1 ? 1 : 0;
const USER = 'bench';
const PASSWORD = 'bench-password';

const AUTHORIZATION = `Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
const POINT = 'cpu,host=a usage=42';
const SCENARIOS = {
  'small GET': `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`,
  'small POST /write':
    `POST /write?db=telegraf HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZATION}\r\n` +
    `Content-Length: ${POINT.length}\r\n\r\n${POINT}`,
};

const directory = mkdtempSync(join(tmpdir(), 'kapgate-bench-'));
/** @type {import('node:child_process').ChildProcess[]} */
const children = [];
try {
  await main();
} finally {
  for (const child of children) child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

async function main() {
  const upstreamPort = await freePort();
  await launch(
    LOAD_CORE,
    [process.execPath, 'bench/upstream.js', String(upstreamPort)],
    upstreamPort,
  );
  const gateway = await startGateway(upstreamPort);
  const peer = await startPeer(upstreamPort);

  print(`Node ${process.version}, ${cpus()[0]?.model ?? 'unknown processor'}`);
  print(
    `${ROUNDS} rounds of ${MILLISECONDS / 1000} s, ${CONNECTIONS} connections, log off, in turn\n`,
  );
  print('| scenario | kapgate, requests/CPU-s | http-proxy, requests/CPU-s | median ratio |');
  print('| --- | --- | --- | --- |');
  for (const [name, request] of Object.entries(SCENARIOS)) {
    print(await compare(name, request, gateway, peer));
  }
  const { failures } = await load(
    LOAD_CORE,
    loadArguments(gateway.port, SCENARIOS['small GET'], MANY_CONNECTIONS),
  );
  const peak = peakMemory(gateway.pid);
  print(
    `\nPeak memory of kapgate at ${MANY_CONNECTIONS} connections: ${peak.toFixed(0)} MiB (${failures} failures)`,
  );
}

/** @typedef {{ port: number, pid: number }} Proxy */

/** @param {string} name @param {string} request @param {Proxy} gateway @param {Proxy} peer */
async function compare(name, request, gateway, peer) {
  /** @type {number[]} */
  const ours = [];
  /** @type {number[]} */
  const theirs = [];
  for (let warmUp = 0; warmUp < WARM_UPS; warmUp++) {
    await rate(gateway, request);
    await rate(peer, request);
  }
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await rate(gateway, request));
    theirs.push(await rate(peer, request));
  }
  const ratios = ours.map((each, index) => each / (theirs[index] ?? NaN));
  return `| ${name} | ${spread(ours)} | ${spread(theirs)} | ${median(ratios).toFixed(2)} |`;
}

/** Requests per CPU-second of the proxy. @param {Proxy} proxy @param {string} request */
async function rate(proxy, request) {
  const before = cpuSeconds(proxy.pid);
  const { answers, failures } = await load(
    LOAD_CORE,
    loadArguments(proxy.port, request, CONNECTIONS),
  );
  if (failures > 0) throw new Error(`${failures} requests failed`);
  return answers / (cpuSeconds(proxy.pid) - before);
}

/** @param {number} port @param {string} request @param {number} connections */
function loadArguments(port, request, connections) {
  const encoded = Buffer.from(request).toString('base64');
  return [String(port), String(connections), String(MILLISECONDS), encoded];
}

/** @param {number} upstreamPort @returns {Promise<Proxy>} */
async function startGateway(upstreamPort) {
  const port = await freePort();
  const config = join(directory, 'gateway.toml');
  writeFileSync(
    config,
    `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\n` +
      `[upstream]\nurl = "http://127.0.0.1:${upstreamPort}"\n` +
      `[store]\npath = ${JSON.stringify(join(directory, 'store'))}\n[log]\nlevel = "error"\n[admin]\nbind-address = ""\n`,
  );
  const kapgate = [process.execPath, 'dist/main.js', '--config', config];
  execFileSync(
    kapgate[0] ?? '',
    [...kapgate.slice(1), 'users', 'add', USER, '--permission', 'all', '--password-stdin'],
    { input: PASSWORD, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  return { port, pid: await launch(PROXY_CORE, [...kapgate, 'serve'], port) };
}

/** @param {number} upstreamPort @returns {Promise<Proxy>} */
async function startPeer(upstreamPort) {
  const port = await freePort();
  const command = [
    process.execPath,
    'bench/http-proxy-gateway.js',
    port,
    upstreamPort,
    USER,
    PASSWORD,
  ];
  return { port, pid: await launch(PROXY_CORE, command.map(String), port) };
}

/** @param {number} core @param {string[]} command @param {number} port */
async function launch(core, command, port) {
  const child = await start(core, command, port);
  children.push(child);
  return child.pid ?? 0;
}

/** @param {number[]} values */
function spread(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${Math.round(median(values))} (${Math.round(low)}–${Math.round(high)})`;
}

/** @param {number[]} values */
function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
