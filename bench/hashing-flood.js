// @ts-check
// npm run bench:hashing: what a user whose password is remembered feels of 200 connections that send wrong passwords.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, start } from './processes.js';
import { AUTHORIZATION, startProbedGateway } from './probed-gateway.js';

const SECONDS = Number(process.argv.find((each) => /^\d+$/.test(each)) ?? 10);
const GUESSERS = 200;
const EVERY_MS = 5;
/** @param {string} user */
const request = (user) =>
  `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION(user)}\r\n\r\n`;

if (process.argv[2] === 'guess') guess(Number(process.argv[3]));
else await main();

async function main() {
  const upstreamPort = await freePort();
  const upstream = await start(
    0,
    [process.execPath, 'bench/upstream.js', String(upstreamPort)],
    upstreamPort,
  );
  const gateway = await startProbedGateway(upstreamPort, {
    // The throttle would end it at once: this is about what stands behind it.
    KAPGATE_LIMITS_LOGIN_FAILURES: '0 per 1m',
    KAPGATE_AUTH_BCRYPT_COST: '10',
  });
  await latencies(gateway.port, 1);
  await gateway.probe();
  const calm = await latencies(gateway.port, SECONDS);
  const calmLoop = await gateway.probe();
  const flood = spawn(process.execPath, [import.meta.filename, 'guess', String(gateway.port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let counted = '';
  flood.stdout.on('data', (text) => (counted += String(text)));
  await sleep(1_000);
  await gateway.probe();
  const stormy = await latencies(gateway.port, SECONDS);
  const stormyLoop = await gateway.probe();
  flood.kill('SIGTERM');
  await new Promise((resolve) => flood.once('close', resolve));
  process.stdout.write(
    [
      `${GUESSERS} connections with wrong passwords at cost 10, a remembered user every ${EVERY_MS} ms, ${SECONDS} s each`,
      '',
      '| | p50 | p99 | event loop p99 | event loop longest |',
      '| --- | --- | --- | --- | --- |',
      row('calm', calm, calmLoop),
      row('flood', stormy, stormyLoop),
      '',
      `p99 rises by ${(at(stormy, 0.99) / at(calm, 0.99)).toFixed(2)}; answers to the guessers: ${counted}`,
      '',
    ].join('\n'),
  );
  await gateway.stop();
  upstream.kill();
}

/** @param {string} name @param {number[]} all @param {import('./probed-gateway.js').Probe} loop */
function row(name, all, loop) {
  const ms = (/** @type {number} */ value) => `${value.toFixed(1)} ms`;
  return `| ${name} | ${ms(at(all, 0.5))} | ${ms(at(all, 0.99))} | ${ms(loop.loopP99Ms)} | ${ms(loop.loopMaxMs)} |`;
}

/** @param {number[]} all @param {number} share */
function at(all, share) {
  return [...all].sort((a, b) => a - b)[Math.floor(all.length * share)] ?? NaN;
}

/** One connection, one request after the other. @param {number} port @param {number} seconds @returns {Promise<number[]>} */
async function latencies(port, seconds) {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  /** @type {number[]} */
  const all = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const begun = performance.now();
    socket.write(request('bench:bench-password'));
    const answer = await new Promise((resolve) => socket.once('data', resolve));
    if (!/^HTTP\/1\.1 200 /.test(String(answer))) throw new Error(String(answer));
    all.push(performance.now() - begun);
    await sleep(EVERY_MS);
  }
  socket.destroy();
  return all;
}

/** Until it is ended: as many guesses at once as there are connections, each another one. @param {number} port */
function guess(port) {
  /** @type {Record<string, number>} */
  const statuses = {};
  let guesses = 0;
  for (let each = 0; each < GUESSERS; each++) {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const next = () => socket.write(request(`bench:guess-${guesses++}`));
    socket.on('connect', next).on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      const status = String(bytes).slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
      // Who is told to come again in a second does: a flood of requests is another matter.
      setTimeout(next, status === '503' ? 1_000 : 0);
    });
  }
  process.on('SIGTERM', () => {
    process.stdout.write(JSON.stringify(statuses), () => process.exit(0));
  });
}
