// @ts-check
// npm run bench:soak [-- REQUESTS]: requests of every kind, with aborts, faults, changed passwords and reloads; then the
// descriptors and the heap of the start.
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './processes.js';
import { AUTHORIZATION, startProbedGateway } from './probed-gateway.js';

const REQUESTS = Number(process.argv[2] ?? 1_000_000);
const CONNECTIONS = 32;
const SAMPLES = 10;
/** A request that is not answered in that time counts as hanging. */
const HANGS_MS = 30_000;
const MIB = 1024 * 1024;

const BENCH = AUTHORIZATION('bench:bench-password');
/** @param {string} line @param {string[]} headers @param {string} body */
const text = (line, headers, body = '') =>
  `${[`${line} HTTP/1.1`, 'Host: x', ...headers, `Content-Length: ${body.length}`].join('\r\n')}\r\n\r\n${body}`;
const TASKS = '/kapacitor/v1/tasks';

/** What is sent, how often (of some two hundred), and how it ends: `answer` on a kept connection, the others on one of their own. */
const KINDS = [
  { weight: 95, end: 'answer', bytes: text(`GET ${TASKS}`, [BENCH]) },
  { weight: 60, end: 'answer', bytes: text('POST /write?db=d', [BENCH], 'cpu,host=a usage=42') },
  {
    weight: 8,
    end: 'answer',
    bytes: text('POST /write?db=d&u=bench&p=bench-password', [], 'cpu v=1'),
  },
  // The same password under a new hash: what is remembered of it is no longer good.
  {
    weight: 1,
    end: 'answer',
    bytes: text('PATCH /kapacitor/v1/users/bench', [BENCH], '{"password":"bench-password"}'),
  },
  { weight: 6, end: 'answer', bytes: text('POST /write?db=d', [BENCH], 'cpu v=1\n'.repeat(5_000)) },
  { weight: 6, end: 'answer', bytes: text(`GET ${TASKS}`, []) },
  { weight: 5, end: 'answer', bytes: text(`GET ${TASKS}`, [AUTHORIZATION('bench:wrong')]) },
  { weight: 5, end: 'answer', bytes: text('GET /kapacitor/v1//tasks', [BENCH]) },
  { weight: 5, end: 'answer', bytes: text('GET /kapacitor/v1/users', [BENCH]) },
  { weight: 5, end: 'answer', bytes: text(`GET ${TASKS}?fault=500`, [BENCH]) },
  { weight: 1, end: 'answer', bytes: text(`GET ${TASKS}?fault=reset`, [BENCH]) },
  { weight: 1, end: 'cut', bytes: text(`GET ${TASKS}?fault=half`, [BENCH]) },
  { weight: 1, end: 'answer', bytes: text(`GET ${TASKS}?fault=slow`, [BENCH]) },
  {
    weight: 1,
    end: 'leave',
    bytes: text('POST /write?db=d', [BENCH, 'X-Part: 1'], 'x'.repeat(9_000)).slice(0, -4_000),
  },
  { weight: 1, end: 'leave', bytes: text(`GET ${TASKS}?fault=big`, [BENCH]) },
  { weight: 1, end: 'leave', bytes: text('GET /kapacitor/v1preview/logs', [BENCH]) },
  { weight: 1, end: 'half', bytes: text('POST /write?db=d', [BENCH], 'cpu v=1') },
  { weight: 1, end: 'cut', bytes: 'garbage\r\n\r\n' },
].flatMap(({ weight, ...kind }) => Array.from({ length: weight }, () => kind));

/** Also connections that never came to be used are ended there: the descriptors of the end are to be those of the start. */
const BRIEF = { keepAliveTimeout: 2_000, headersTimeout: 3_000, connectionsCheckingInterval: 500 };

const upstream = createServer(BRIEF, (request, response) => {
  const fault = /fault=(\w+)/.exec(request.url ?? '')?.[1];
  request.on('error', () => response.destroy()).resume();
  if (fault === 'reset') request.socket.resetAndDestroy();
  else if (fault === 'half')
    response
      .writeHead(200, { 'Content-Length': 100 })
      .write('half', () => request.socket.destroy());
  else if (fault === '500') response.writeHead(500).end('{"error":"a fault"}');
  else if (fault === 'slow') setTimeout(() => response.end('slow'), 20);
  else if (fault === 'big') response.end(Buffer.alloc(256 * 1024));
  else if (request.url?.includes('/logs')) response.write('line\n');
  else if (request.url?.includes('/tasks')) response.end('{"tasks":[]}');
  else request.on('end', () => response.writeHead(204).end());
});
const upstreamPort = await freePort();
await new Promise((resolve) =>
  upstream.listen(upstreamPort, '127.0.0.1', () => resolve(undefined)),
);
const gateway = await startProbedGateway(upstreamPort, {
  KAPGATE_LIMITS_LOGIN_FAILURES: '0 per 1m',
  KAPGATE_AUTH_BCRYPT_COST: '4',
});

let left = 0;
/** @type {Record<string, number>} */
const ends = {};
await play(Math.min(20_000, REQUESTS));
const before = await settled();
print('| requests | RSS, MiB | heap, MiB | open files | event loop longest, ms |');
print('| --- | --- | --- | --- | --- |');
sample(0, before);
const startedMs = performance.now();
for (let part = 1; part <= SAMPLES; part++) {
  // A reload amid requests: what it replaces is to be gone by the end.
  setTimeout(() => process.kill(gateway.pid, 'SIGHUP'), 100);
  await play(Math.ceil(REQUESTS / SAMPLES));
  sample(Math.ceil((REQUESTS / SAMPLES) * part), await gateway.probe());
}
const seconds = (performance.now() - startedMs) / 1000;
const after = await settled();
sample(REQUESTS, after);
print(
  `\n${Math.round(REQUESTS / seconds)} requests a second; how they ended: ${JSON.stringify(ends)}`,
);
const isFlat =
  after.heapUsed - before.heapUsed < 8 * MIB && after.descriptors <= before.descriptors;
print(isFlat && (ends['hanging'] ?? 0) === 0 ? 'flat' : 'NOT FLAT');
process.exitCode = isFlat && (ends['hanging'] ?? 0) === 0 ? 0 : 1;
await gateway.stop();
upstream.closeAllConnections();
upstream.close();

/** @param {number} requests */
async function play(requests) {
  left = requests;
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, index) => client(index)));
}

/** Once kept connections to the upstream have ended: when nothing was opened or closed for some seconds. */
async function settled() {
  let descriptors = -1;
  for (let same = 0; same < 5;) {
    await sleep(1_000);
    const now = gateway.descriptors();
    same = now === descriptors ? same + 1 : 0;
    descriptors = now;
  }
  return { ...(await gateway.probe()), descriptors };
}

/** @param {number} requests @param {import('./probed-gateway.js').Probe} probe */
function sample(requests, { rss, heapUsed, loopMaxMs }) {
  const cells = [
    requests,
    (rss / MIB).toFixed(0),
    (heapUsed / MIB).toFixed(1),
    gateway.descriptors(),
    loopMaxMs.toFixed(0),
  ];
  print(`| ${cells.join(' | ')} |`);
}

/** One request after the other, each kind in its share. @param {number} seed */
async function client(seed) {
  /** @type {import('node:net').Socket | undefined} */
  let kept;
  for (let step = seed * 7; left > 0; step += 37) {
    left--;
    const kind = KINDS[step % KINDS.length];
    if (kind === undefined) throw new Error('no kind');
    const socket = kind.end === 'answer' && kept?.writable ? kept : open();
    const end = await ask(socket, kind);
    ends[end] = (ends[end] ?? 0) + 1;
    if (kind.end !== 'answer' || !socket.writable) socket.destroy();
    if (kind.end === 'answer') kept = socket;
  }
  kept?.destroy();
}

function open() {
  return connect({ port: gateway.port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true }).on(
    'error',
    () => undefined,
  );
}

/** @param {import('node:net').Socket} socket @param {{ end: string, bytes: string }} kind @returns {Promise<string>} how it ended */
function ask(socket, { end, bytes }) {
  return new Promise((resolve) => {
    let received = '';
    const timer = setTimeout(() => finish('hanging'), HANGS_MS);
    /** @param {string} how */
    const finish = (how) => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose).off('end', onClose);
      resolve(how);
    };
    const onClose = () => finish(end === 'answer' ? 'cut' : `${end}: cut`);
    /** @param {Buffer} chunk */
    const onData = (chunk) => {
      received += chunk.toString('latin1');
      const head = received.indexOf('\r\n\r\n');
      if (end === 'leave' && head > 0) finish('leave');
      if (end === 'cut' || head < 0) return;
      const length = /content-length: (\d+)/i.exec(received.slice(0, head))?.[1];
      const isWhole =
        length === undefined
          ? /\r\n0\r\n\r\n$|^HTTP\/1.1 204/.test(received)
          : received.length >= head + 4 + Number(length);
      if (!isWhole) return;
      if (/connection: close/i.test(received.slice(0, head))) socket.end();
      finish(received.slice(9, 12));
    };
    socket.on('data', onData).once('close', onClose).once('end', onClose);
    socket.write(bytes, 'latin1');
    if (end === 'half') socket.end();
    if (end === 'leave' && bytes.includes('X-Part')) setTimeout(() => finish('leave'), 5);
  });
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
