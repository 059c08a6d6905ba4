// @ts-check
// Sends one request over a number of connections, and prints what came back as JSON. How, the last argument says:
// closed     the next one on each connection as soon as the last one is answered: throughput
// count=N    so many in all, all connections at once
// rate=N     so many a second whatever comes back; the time of each counts from when it was due, not from when it
//            was sent, so that a proxy that stands still cannot make its own tests wait (coordinated omission)
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { setPriority } from 'node:os';

const [ports = '', connections, milliseconds, given = '', mode = 'closed'] = process.argv.slice(2);
const request = given.startsWith('@') ? readFileSync(given.slice(1)) : Buffer.from(given, 'base64');
const [kind, amount] = mode.split('=');
/** Several, with commas between them, have the connections in turn. */
const PORTS = ports.split(',').map(Number);
const END_OF_HEAD = Buffer.from('\r\n\r\n');
const LAST_CHUNK = Buffer.from('0\r\n\r\n');
const NOTHING = Buffer.alloc(0);
const CONNECT_MS = 100;
/** How long answers that are still due may take, once all is sent. */
const PATIENCE_MS = 2_000;
/** @type {number[]} */
const times = [];
let opened = 0;
let failures = 0;
/** Answers with the header that bench/upstream.js sets: the others were made up by the proxy. */
let fromUpstream = 0;
let received = 0;
let isOver = false;

if (kind === 'closed') runClosed();
else if (kind === 'count') runCounted(Number(amount));
else runPaced(Number(amount));

/** @typedef {{ since: number, send: (since: number) => void }} Connection */

function runClosed() {
  for (let index = 0; index < Number(connections); index++) {
    const next = (/** @type {Connection} */ connection) => connection.send(performance.now());
    open(next, next);
  }
  setTimeout(finish, Number(milliseconds));
}

/** @param {number} count */
function runCounted(count) {
  /** @type {Connection[]} */
  const all = [];
  let left = count;
  const next = (/** @type {Connection} */ connection) => {
    if (times.length + failures >= count) finish();
    else if (left-- > 0) connection.send(performance.now());
  };
  const ready = (/** @type {Connection} */ connection) => {
    all.push(connection);
    if (all.length === Number(connections)) all.forEach(next);
  };
  for (let index = 0; index < Number(connections); index++) open(ready, next);
  setTimeout(finish, Number(milliseconds)).unref();
}

/** @param {number} rate */
function runPaced(rate) {
  // It looks at the clock without pause, and must not take the core that it shares with the upstream.
  setPriority(10);
  /** @type {Connection[]} */
  const idle = [];
  /** When those were due that still have to be sent; and all that still have no answer. @type {number[]} */
  const due = [];
  /** @type {Set<number>} */
  const unanswered = new Set();
  const free = (/** @type {Connection} */ connection) => {
    unanswered.delete(connection.since);
    idle.push(connection);
  };
  for (let index = 0; index < Number(connections); index++) open(free, free);
  const total = (Number(milliseconds) / 1000) * rate;
  let begun = 0;
  let asked = 0;
  const timeOf = (/** @type {number} */ index) => begun + (index * 1000) / rate;
  const step = () => {
    const now = performance.now();
    for (let at = timeOf(asked); asked < total && at <= now; at = timeOf(++asked)) {
      due.push(at);
      unanswered.add(at);
    }
    while (due.length > 0 && idle.length > 0) idle.pop()?.send(due.shift() ?? 0);
    if (asked >= total && unanswered.size === 0) finish();
    else setImmediate(step);
  };
  setTimeout(() => {
    begun = performance.now();
    step();
  }, CONNECT_MS);
  setTimeout(
    () => {
      // They have taken as long as this, and would have taken longer.
      for (const since of unanswered) times.push(performance.now() - since);
      finish();
    },
    CONNECT_MS + Number(milliseconds) + PATIENCE_MS,
  ).unref();
}

/** @param {(connection: Connection) => void} onReady @param {(connection: Connection) => void} onAnswer */
function open(onReady, onAnswer) {
  const port = PORTS[opened++ % PORTS.length] ?? 0;
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  /** @type {Buffer} */
  let head = NOTHING;
  /** Of the body: -1 while the head is not there, Infinity for one in chunks. */
  let missing = -1;
  let isGood = false;
  const connection = {
    since: 0,
    send: (/** @type {number} */ since) => {
      connection.since = since;
      socket.write(request);
    },
  };
  socket.on('connect', () => onReady(connection));
  socket.on('error', () => undefined);
  socket.on('close', () => {
    if (isOver) return;
    failures++;
    if (kind === 'count' && times.length + failures >= Number(amount)) finish();
  });
  socket.on('data', (chunk) => {
    received += chunk.length;
    if (missing === -1) readHead(chunk);
    else if (missing !== Infinity) missing -= chunk.length;
    else if (endsInLastChunk(chunk)) missing = 0;
    if (missing !== 0) return;
    missing = -1;
    if (isGood) times.push(performance.now() - connection.since);
    else failures++;
    onAnswer(connection);
  });
  /** @param {Buffer} chunk */
  const readHead = (chunk) => {
    head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
    const end = head.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const text = head.toString('latin1', 0, end);
    isGood = /^HTTP\/1\.1 20[04] /.test(text);
    if (/^x-kapacitor-version: bench/im.test(text)) fromUpstream++;
    if (/^transfer-encoding: chunked/im.test(text)) {
      missing = endsInLastChunk(head) ? 0 : Infinity;
    } else {
      const length = Number(/^content-length: (\d+)/im.exec(text)?.[1] ?? 0);
      missing = length - (head.length - end - END_OF_HEAD.length);
    }
    head = NOTHING;
  };
}

/** @param {Buffer} bytes */
function endsInLastChunk(bytes) {
  return bytes.subarray(-LAST_CHUNK.length).equals(LAST_CHUNK);
}

function finish() {
  if (isOver) return;
  isOver = true;
  const sorted = Float64Array.from(times).sort();
  const at = (/** @type {number} */ share) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? null;
  const result = {
    answers: times.length,
    fromUpstream,
    failures,
    received,
    p50: at(0.5),
    p99: at(0.99),
  };
  process.stdout.write(JSON.stringify(result), () => process.exit(0));
}
