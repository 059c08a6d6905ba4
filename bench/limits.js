// @ts-check
// npm run bench:limits: what a request costs in a bare server of node:http, alone, with undici and with a bare socket
// behind it, beside the gateway: requests per CPU-second of each process, in turn.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { cpuSeconds, freePort, load, start } from './processes.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const WARM_UPS = 4;
const MILLISECONDS = 1_000;
const CONNECTIONS = 32;
const LOAD_CORE = cpus().length > 1 ? 1 : 0;
const USER = 'bench';
const PASSWORD = 'bench-password';

const POINT = 'cpu,host=a usage=42';
const AUTHORIZATION = `Authorization: Basic ${Buffer.from(`${USER}:${PASSWORD}`).toString('base64')}`;
const SCENARIOS = {
  'small GET': `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\n\r\n`,
  'small POST /write':
    `POST /write?db=telegraf HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION}\r\n` +
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
  const upstream = await launch(LOAD_CORE, (port) => ['bench/upstream.js', port]);
  const bare = (/** @type {string} */ kind) =>
    launch(0, (port) => ['bench/bare-proxy.js', kind, port, upstream.port]);
  const subjects = {
    'answers itself': await bare('itself'),
    'undici behind it': await bare('undici'),
    'a socket behind it': await bare('socket'),
    kapgate: await launch(0, (port) => gatewayCommand(port, upstream.port)),
  };
  // Another build of the gateway, to be compared with this one.
  for (const tree of process.argv.slice(3)) {
    const command = await launch(0, (port) => gatewayCommand(port, upstream.port, tree));
    Object.assign(subjects, { [tree]: command });
  }
  const names = Object.keys(subjects);
  print(`| scenario | ${names.join(' | ')} |`);
  print(`| --- |${' --- |'.repeat(names.length)}`);
  for (const [scenario, request] of Object.entries(SCENARIOS)) {
    const rates = await inTurn(Object.values(subjects), request);
    print(`| ${scenario} | ${rates.map((each) => Math.round(each)).join(' | ')} |`);
  }
}

/** @typedef {{ port: string, pid: number }} Subject */

/** The median rate of each. @param {Subject[]} subjects @param {string} request */
async function inTurn(subjects, request) {
  /** @type {number[][]} */
  const rates = subjects.map(() => []);
  for (let round = -WARM_UPS; round < ROUNDS; round++) {
    for (const [index, subject] of subjects.entries()) {
      const before = cpuSeconds(subject.pid);
      const { answers, failures } = await load(LOAD_CORE, [
        ...[subject.port, String(CONNECTIONS), String(MILLISECONDS)],
        Buffer.from(request).toString('base64'),
      ]);
      if (failures > 0) throw new Error(`${failures} requests failed`);
      if (round >= 0) rates[index]?.push(answers / (cpuSeconds(subject.pid) - before));
    }
  }
  return rates.map(median);
}

/** @param {string} port @param {string} upstreamPort */
function gatewayCommand(port, upstreamPort, tree = '.') {
  const config = join(directory, `gateway-${port}.toml`);
  writeFileSync(
    config,
    `[http]\nbind-address = "127.0.0.1:${port}"\nlog-enabled = false\n` +
      `[upstream]\nurl = "http://127.0.0.1:${upstreamPort}"\n` +
      `[store]\npath = ${JSON.stringify(join(directory, `store-${port}`))}\n` +
      `[log]\nlevel = "error"\n[admin]\nbind-address = ""\n`,
  );
  const command = [join(tree, 'dist/main.js'), '--config', config];
  const add = ['users', 'add', USER, '--permission', 'all', '--password-stdin'];
  execFileSync(process.execPath, [...command, ...add], {
    input: PASSWORD,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  return [...command, 'serve'];
}

/** @param {number} core @param {(port: string) => string[]} command @returns {Promise<Subject>} */
async function launch(core, command) {
  const port = String(await freePort());
  const child = await start(core, [process.execPath, ...command(port)], Number(port));
  children.push(child);
  return { port, pid: child.pid ?? 0 };
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
