// @ts-check
// npm run bench:hashing [-- SECONDS ROUNDS throttled]: what a user whose password is remembered feels of 200 connections that send
// wrong passwords and come again at once, and what somebody feels who logs in from another address. Calm and flood take
// turns, as the machine may have other work: each round is compared with itself, and the middle one of all rounds counts.
import { fork } from 'node:child_process';
import { connect } from 'node:net';
import { setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { cpuSeconds, freePort, start, threads } from './processes.js';
import { AUTHORIZATION, startProbedGateway } from './probed-gateway.js';

const [SECONDS = 8, ROUNDS = 5] = process.argv.slice(2).map(Number).filter(Number.isInteger);
const isThrottled = process.argv.includes('throttled');
const GUESSERS = 200;
const EVERY_MS = 5;
const LOGIN_EVERY_MS = 1_000;
/** Until the queue has filled, and until it is empty again. */
const SETTLE_MS = 1_500;
let strangers = 0;
/** @param {string} user */
const request = (user) =>
  `GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION(user)}\r\n\r\n`;

/**
 * @typedef {object} Phase
 * @property {number[]} answers milliseconds
 * @property {number[]} logins milliseconds
 * @property {import('./probed-gateway.js').Probe} loop
 * @property {Record<string, number>} cpu seconds of processor time for each second
 */

if (process.argv[2] === 'guess') guess(Number(process.argv[3]));
else await main();

async function main() {
  const upstreamPort = await freePort();
  const upstream = await start(
    'any',
    [process.execPath, 'bench/upstream.js', String(upstreamPort)],
    upstreamPort,
  );
  const gateway = await startProbedGateway(upstreamPort, {
    // As it is by default, the throttle lets ten through: what stands behind it is to be seen too.
    KAPGATE_LIMITS_LOGIN_FAILURES: isThrottled ? '10 per 1m' : '0 per 1m',
    KAPGATE_AUTH_BCRYPT_COST: '10',
  });
  const flood = fork(import.meta.filename, ['guess', String(gateway.port)]);
  const pids = { gateway: gateway.pid, upstream: upstream.pid ?? 0, guessers: flood.pid ?? 0 };
  await latencies(gateway.port, 2);
  /** @type {{ calm: Phase, stormy: Phase }[]} */
  const rounds = [];
  /** @type {Record<string, number>} */
  const told = {};
  for (let round = 0; round < ROUNDS; round++) {
    const calm = await measure(gateway, pids);
    flood.send('go');
    await sleep(SETTLE_MS);
    const stormy = await measure(gateway, pids);
    flood.send('stop');
    const [statuses] = await new Promise((resolve) =>
      flood.once('message', (...said) => resolve(said)),
    );
    for (const [status, count] of Object.entries(statuses))
      told[status] = (told[status] ?? 0) + Number(count);
    rounds.push({ calm, stormy });
    process.stderr.write(`round ${round + 1}: p99 rises by ${ratio(rounds[round]).toFixed(2)}\n`);
    await sleep(SETTLE_MS);
  }
  process.stdout.write(report(rounds, told));
  flood.disconnect();
  await gateway.stop();
  upstream.kill();
}

/**
 * @param {import('./probed-gateway.js').ProbedGateway} gateway
 * @param {{ gateway: number, upstream: number, guessers: number }} pids @returns {Promise<Phase>}
 */
async function measure(gateway, pids) {
  await gateway.probe();
  const before = usage(pids);
  const [answers, logins] = await Promise.all([
    latencies(gateway.port, SECONDS),
    loginTimes(gateway.port, SECONDS),
  ]);
  const after = usage(pids);
  const cpu = Object.fromEntries(
    Object.entries(after).map(([name, used]) => [name, (used - (before[name] ?? 0)) / SECONDS]),
  );
  return { answers, logins, loop: await gateway.probe(), cpu };
}

/** @param {{ gateway: number, upstream: number, guessers: number }} pids @returns {Record<string, number>} */
function usage(pids) {
  const all = threads(pids.gateway);
  /** @param {(thread: (typeof all)[number]) => boolean} which */
  const sum = (which) => all.filter(which).reduce((total, each) => total + each.cpuSeconds, 0);
  return {
    'event loop': sum(({ isMain }) => isMain),
    'threads of lower priority': sum(({ isMain, niceness }) => !isMain && niceness > 0),
    'its other threads': sum(({ isMain, niceness }) => !isMain && niceness <= 0),
    guessers: cpuSeconds(pids.guessers),
    Kapacitor: cpuSeconds(pids.upstream),
    user: cpuSeconds(process.pid),
  };
}

/** @param {{ calm: Phase, stormy: Phase }[]} rounds @param {Record<string, number>} told */
function report(rounds, told) {
  const calm = rounds.map((round) => round.calm);
  const stormy = rounds.map((round) => round.stormy);
  const ratios = rounds.map(ratio);
  return [
    `${GUESSERS} connections with wrong passwords at cost 10, the throttle ${isThrottled ? 'on' : 'off'}, a remembered user every ${EVERY_MS} ms,`,
    `${ROUNDS} rounds of ${SECONDS} s calm and ${SECONDS} s flood; milliseconds, the middle of all rounds (and the worst)`,
    '',
    '| | p50 | p99 | event loop p99 | event loop longest | longest at work | login from elsewhere |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    row('calm', calm),
    row('flood', stormy),
    '',
    '| CPU-seconds a second | ' + Object.keys(calm[0]?.cpu ?? {}).join(' | ') + ' |',
    '| --- '.repeat(1 + Object.keys(calm[0]?.cpu ?? {}).length) + '|',
    cpuRow('calm', calm),
    cpuRow('flood', stormy),
    '',
    `p99 rises by ${middle(ratios).toFixed(2)} (${ratios.map((each) => each.toFixed(2)).join(', ')})`,
    `answers to the guessers: ${JSON.stringify(told)}`,
    '',
  ].join('\n');
}

/** @param {{ calm: Phase, stormy: Phase } | undefined} round */
function ratio(round) {
  return at(round?.stormy.answers ?? [], 0.99) / at(round?.calm.answers ?? [], 0.99);
}

/** @param {string} name @param {Phase[]} phases */
function row(name, phases) {
  /** @param {(phase: Phase) => number} of */
  const cell = (of) => {
    const all = phases.map(of);
    return `${middle(all).toFixed(1)} (${Math.max(...all).toFixed(1)})`;
  };
  const cells = [
    cell(({ answers }) => at(answers, 0.5)),
    cell(({ answers }) => at(answers, 0.99)),
    cell(({ loop }) => loop.loopP99Ms),
    cell(({ loop }) => loop.loopMaxMs),
    cell(({ loop }) => loop.loopWorkMaxMs),
    cell(({ logins }) => middle(logins)),
  ];
  return `| ${name} | ${cells.join(' | ')} |`;
}

/** @param {string} name @param {Phase[]} phases */
function cpuRow(name, phases) {
  const names = Object.keys(phases[0]?.cpu ?? {});
  const cells = names.map((each) => middle(phases.map(({ cpu }) => cpu[each] ?? NaN)).toFixed(2));
  return `| ${name} | ${cells.join(' | ')} |`;
}

/** @param {number[]} all */
function middle(all) {
  return at(all, 0.5);
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
    const { took, status } = await ask(socket, 'bench:bench-password');
    if (status !== '200') throw new Error(`the user got ${status}`);
    all.push(took);
    await sleep(EVERY_MS);
  }
  socket.destroy();
  return all;
}

/** Unknown names, so that each is compared, but few and from elsewhere. @param {number} port @param {number} seconds */
async function loginTimes(port, seconds) {
  const socket = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2', noDelay: true });
  /** @type {number[]} */
  const all = [];
  const until = performance.now() + seconds * 1000;
  while (performance.now() < until) {
    const { took, status } = await ask(socket, `stranger-${strangers++}:password`);
    // Who is refused was not even compared: that counts as longer than any other.
    all.push(status === '401' ? took : Infinity);
    await sleep(LOGIN_EVERY_MS);
  }
  socket.destroy();
  return all;
}

/** @param {import('node:net').Socket} socket @param {string} user */
async function ask(socket, user) {
  const begun = performance.now();
  socket.write(request(user));
  const answer = await new Promise((resolve) => socket.once('data', resolve));
  return { took: performance.now() - begun, status: String(answer).slice(9, 12) };
}

/** From `go` to `stop`: as many guesses at once as there are connections, each another one. @param {number} port */
function guess(port) {
  // In the world they have machines of their own: here they must not take the processors from what they flood.
  setPriority(0, 10);
  let guesses = 0;
  /** @type {Record<string, number>} */
  let statuses = {};
  /** @type {import('node:net').Socket[]} */
  let sockets = [];
  const open = () => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true });
    const next = () => socket.write(request(`bench:guess-${guesses++}`));
    socket.on('connect', next).on('error', () => socket.destroy());
    socket.on('data', (bytes) => {
      const status = String(bytes).slice(9, 12);
      statuses[status] = (statuses[status] ?? 0) + 1;
      next();
    });
    return socket;
  };
  process.on('message', (said) => {
    if (said === 'go') {
      statuses = {};
      sockets = Array.from({ length: GUESSERS }, open);
      return;
    }
    for (const socket of sockets) socket.resetAndDestroy();
    process.send?.(statuses);
  });
}
