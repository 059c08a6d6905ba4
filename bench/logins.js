// @ts-check
// npm run bench:logins: whether the time of a failed login tells a name that there is from one that there is not.
import { connect } from 'node:net';
import { freePort, start } from './processes.js';
import { AUTHORIZATION, startProbedGateway } from './probed-gateway.js';

const SAMPLES = Number(process.argv[2] ?? 250);

const upstreamPort = await freePort();
const upstream = await start(
  0,
  [process.execPath, 'bench/upstream.js', String(upstreamPort)],
  upstreamPort,
);
const gateway = await startProbedGateway(upstreamPort, {
  KAPGATE_LIMITS_LOGIN_FAILURES: '0 per 1m',
  KAPGATE_AUTH_BCRYPT_COST: '10',
});
const socket = connect({ port: gateway.port, host: '127.0.0.1', noDelay: true });
/** @type {number[]} */
const known = [];
/** @type {number[]} */
const unknown = [];
for (let each = -10; each < SAMPLES; each++) {
  const pair = [await timeOf(`bench:no-${each}`), await timeOf(`nobody:no-${each}`)];
  if (each < 0) continue;
  known.push(pair[0] ?? NaN);
  unknown.push(pair[1] ?? NaN);
}
socket.destroy();
const { z, p } = mannWhitney(known, unknown);
process.stdout.write(
  `${SAMPLES} wrong passwords each, in turn, at cost 10: known user median ${median(known)} ms, ` +
    `unknown ${median(unknown)} ms; Mann–Whitney z ${z.toFixed(2)}, p ${p.toFixed(3)}\n`,
);
await gateway.stop();
upstream.kill();
process.exitCode = p > 0.01 ? 0 : 1;

/** @param {string} user */
async function timeOf(user) {
  const begun = performance.now();
  socket.write(`GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${AUTHORIZATION(user)}\r\n\r\n`);
  const answer = await new Promise((resolve) => socket.once('data', resolve));
  if (!/^HTTP\/1\.1 401 /.test(String(answer))) throw new Error(String(answer));
  return performance.now() - begun;
}

/** @param {number[]} all */
function median(all) {
  return ([...all].sort((a, b) => a - b)[Math.floor(all.length / 2)] ?? NaN).toFixed(2);
}

/** Two-sided, by the normal approximation. @param {number[]} a @param {number[]} b */
function mannWhitney(a, b) {
  let u = 0;
  for (const x of a) for (const y of b) u += x > y ? 1 : x === y ? 0.5 : 0;
  const mean = (a.length * b.length) / 2;
  const deviation = Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
  const z = (u - mean) / deviation;
  return { z, p: Math.min(1, 2 * (1 - normal(Math.abs(z)))) };
}

/** The normal distribution function (Abramowitz and Stegun 26.2.17). @param {number} x */
function normal(x) {
  const t = 1 / (1 + 0.2316419 * x);
  const factors = [0.31938153, -0.356563782, 1.781477937, -1.821255978, 1.330274429];
  const sum = factors.reduceRight((rest, factor) => (rest + factor) * t, 0);
  return 1 - (Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI)) * sum;
}
