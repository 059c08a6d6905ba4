// @ts-check
// npm run bench:start: from starting the program to its first answer, beside what a bare Node takes to start and answer;
// with 100,000 users (or so many as are asked for) in the store as well, and what one more user costs a request.
//   npm run bench:start -- 100000 15            users, and rounds
//   BENCH_MAIN=OTHER/dist/main.js npm run ...   another version in turn with this one
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, freePort, start } from './processes.js';

const USERS = Number(process.argv[2] ?? 100_000);
const ROUNDS = Number(process.argv[3] ?? 15);
const REQUESTS = 2_000;
const MAIN = 'dist/main.js';
const OTHER = process.env['BENCH_MAIN'];
const HASH = '$2b$10$abcdefghijklmnopqrstuuEbZGlFWmmxFO4Y9zsbPkP3fU/xyR0iG';
const AUTHORIZATION = `Basic ${Buffer.from('bench:bench-password').toString('base64')}`;
const REQUEST = `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\nAuthorization: ${AUTHORIZATION}\r\n\r\n`;
const BEFORE = 'GET /kapacitor/v1/ping HTTP/1.1\r\nHost: x\r\n\r\n';
const BARE =
  'require("http").createServer((_, r) => r.end("x")).listen(Number(process.argv[1]), "127.0.0.1")';

const directory = mkdtempSync(join(tmpdir(), 'kapgate-bench-'));
const upstreamPort = await freePort();
const upstream = await start(
  0,
  [process.execPath, 'bench/upstream.js', String(upstreamPort)],
  upstreamPort,
);
try {
  const few = store('few', 0);
  const many = store('many', USERS);
  /** @type {Record<string, Started[]>} */
  const found = { bare: [], few: [], other: [], many: [] };
  for (let round = 0; round < ROUNDS; round++) {
    found['bare']?.push(await run(['-e', BARE], []));
    found['few']?.push(await run([MAIN, 'serve'], few));
    if (OTHER !== undefined) found['other']?.push(await run([OTHER, 'serve'], few));
    found['many']?.push(await run([MAIN, 'serve'], many));
  }
  process.stdout.write(
    `| ${ROUNDS} starts, in turn | first answer, ms | CPU until then, ms | first answer to a user, ms | p50 of a request, ms |\n| --- | --- | --- | --- | --- |\n`,
  );
  row('bare Node that answers itself', found['bare'] ?? []);
  row('kapgate, 1 user', found['few'] ?? []);
  if (OTHER !== undefined) row(`${OTHER}, 1 user`, found['other'] ?? []);
  row(`kapgate, ${USERS} users`, found['many'] ?? []);
} finally {
  upstream.kill();
  rmSync(directory, { recursive: true, force: true });
}

/** @typedef {{ answerMs: number, cpuMs: number, userMs: number, p50Ms: number }} Started */

/** A store with `bench` and so many others. @param {string} name @param {number} users */
function store(name, users) {
  const env = [
    `KAPGATE_STORE_PATH=${join(directory, name)}`,
    `KAPGATE_UPSTREAM_URL=http://127.0.0.1:${upstreamPort}`,
    'KAPGATE_HTTP_LOG_ENABLED=false',
    'KAPGATE_LOG_LEVEL=error',
    'KAPGATE_ADMIN_BIND_ADDRESS=',
  ];
  const add = ['users', 'add', 'bench', '--permission', 'all', '--password-stdin'];
  kapgate(add, env, 'bench-password');
  if (users === 0) return env;
  const file = join(directory, 'htpasswd');
  const lines = Array.from({ length: users }, (_, index) => `user-${index}:${HASH}\n`);
  writeFileSync(file, lines.join(''));
  kapgate(['users', 'import', file, '--permission', 'api:read', '--apply'], env, '');
  return env;
}

/** @param {string[]} args @param {string[]} env @param {string} input */
function kapgate(args, env, input) {
  execFileSync(process.execPath, [MAIN, ...args], {
    input,
    env: { ...process.env, ...Object.fromEntries(env.map((each) => each.split('='))) },
    stdio: ['pipe', 'ignore', 'inherit'],
    maxBuffer: 1e9,
  });
}

/** @param {string[]} program @param {string[]} env @returns {Promise<Started>} */
async function run(program, env) {
  const port = await freePort();
  const begun = performance.now();
  const child = spawn(process.execPath, [...program, ...(env.length === 0 ? [String(port)] : [])], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: {
      ...process.env,
      ...Object.fromEntries(env.map((each) => each.split('='))),
      KAPGATE_HTTP_BIND_ADDRESS: `127.0.0.1:${port}`,
    },
  });
  const socket = await connected(port);
  await answer(socket, BEFORE);
  const answerMs = performance.now() - begun;
  const cpuMs = cpuSeconds(child.pid ?? 0) * 1000;
  await answer(socket);
  const userMs = performance.now() - begun;
  const times = [];
  for (let each = 0; each < REQUESTS; each++) {
    const before = performance.now();
    await answer(socket);
    times.push(performance.now() - before);
  }
  socket.destroy();
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  return { answerMs, cpuMs, userMs, p50Ms: median(times) };
}

/** @param {number} port @returns {Promise<import('node:net').Socket>} */
async function connected(port) {
  for (;;) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const isOpen = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    if (isOpen) return socket;
    await sleep(2);
  }
}

/** @param {import('node:net').Socket} socket @param {string} request */
async function answer(socket, request = REQUEST) {
  socket.write(request);
  const said = await new Promise((resolve) => socket.once('data', resolve));
  if (!(request === BEFORE ? /^HTTP\/1\.1 (200|401) / : /^HTTP\/1\.1 200 /).test(String(said)))
    throw new Error(String(said));
}

/** @param {string} name @param {Started[]} found */
function row(name, found) {
  const cells = [
    spread(found.map(({ answerMs }) => answerMs)),
    median(found.map(({ cpuMs }) => cpuMs)).toFixed(0),
    spread(found.map(({ userMs }) => userMs)),
    median(found.map(({ p50Ms }) => p50Ms)).toFixed(3),
  ];
  process.stdout.write(`| ${[name, ...cells].join(' | ')} |\n`);
}

/** @param {number[]} values */
function spread(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(0)} (${low.toFixed(0)}–${high.toFixed(0)})`;
}

/** @param {number[]} values */
function median(values) {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
