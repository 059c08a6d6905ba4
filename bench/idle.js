// @ts-check
// npm run bench:idle: ten thousand idle connections of nobody, and more than may be, beside a user who goes on.
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, start } from './processes.js';
import { AUTHORIZATION, startProbedGateway } from './probed-gateway.js';

const MAX = Number(process.argv.find((each) => /^\d+$/.test(each)) ?? 10_000);
const REQUESTS = 500;
const MIB = 1024 * 1024;

if (process.argv[2] === 'crowd') crowd(Number(process.argv[3]), Number(process.argv[4]));
else await main();

async function main() {
  const upstreamPort = await freePort();
  const command = [process.execPath, 'bench/upstream.js', String(upstreamPort)];
  const upstream = await start(0, command, upstreamPort);
  const gateway = await startProbedGateway(upstreamPort, {
    KAPGATE_LIMITS_MAX_CONNECTIONS: String(MAX),
  });
  const user = connect({ port: gateway.port, host: '127.0.0.1', noDelay: true });
  process.stdout.write(
    '| idle connections | open files | RSS, MiB | p50, ms | p99, ms | event loop longest, ms |\n| --- | --- | --- | --- | --- | --- |\n',
  );
  /** @type {import('node:child_process').ChildProcess[]} */
  const crowds = [];
  for (const more of [0, MAX / 2, MAX / 2, MAX / 2]) {
    if (more > 0) crowds.push(await open(gateway.port, more));
    await gateway.probe();
    const times = await ask(user);
    const { rss, loopMaxMs } = await gateway.probe();
    const at = (/** @type {number} */ share) =>
      (times[Math.floor(times.length * share)] ?? NaN).toFixed(1);
    const cells = [(crowds.length * MAX) / 2, gateway.descriptors(), (rss / MIB).toFixed(0)];
    process.stdout.write(
      `| ${[...cells, at(0.5), at(0.99), loopMaxMs.toFixed(0)].join(' | ')} |\n`,
    );
  }
  user.destroy();
  for (const each of crowds) each.kill();
  await gateway.stop();
  upstream.kill();
}

/** All on one connection: it must outlive the crowd. @param {import('node:net').Socket} socket */
async function ask(socket) {
  const times = [];
  for (let each = 0; each < REQUESTS; each++) {
    const begun = performance.now();
    const credentials = AUTHORIZATION('bench:bench-password');
    socket.write(`GET /kapacitor/v1/tasks HTTP/1.1\r\nHost: x\r\n${credentials}\r\n\r\n`);
    const answer = await new Promise((resolve, reject) => {
      socket.once('data', resolve).once('close', reject);
    });
    socket.removeAllListeners('close');
    if (!/^HTTP\/1\.1 200 /.test(String(answer))) throw new Error(String(answer));
    times.push(performance.now() - begun);
    await sleep(1);
  }
  return times.sort((a, b) => a - b);
}

/** @param {number} port @param {number} count @returns {Promise<import('node:child_process').ChildProcess>} */
async function open(port, count) {
  const args = [import.meta.filename, 'crowd', String(port), String(count)];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return child;
}

/** Opens so many and says when it has. @param {number} port @param {number} count */
function crowd(port, count) {
  let opened = 0;
  const next = () => {
    if (opened++ === count) process.stdout.write('there');
    else if (opened <= count)
      connect({ port, host: '127.0.0.1' }, next).on('error', () => undefined);
  };
  next();
}
