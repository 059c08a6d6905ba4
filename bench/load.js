// @ts-check
// Sends one request after the other on each of a number of connections, and prints what came back as JSON.
// A closed loop: it measures throughput, and says nothing about latency under a fixed rate.
import { connect } from 'node:net';

const [port, connections, milliseconds, encoded] = process.argv.slice(2);
const request = Buffer.from(encoded ?? '', 'base64');
const END_OF_HEAD = Buffer.from('\r\n\r\n');
let answers = 0;
let failures = 0;
let isOver = false;

for (let index = 0; index < Number(connections); index++) run();
setTimeout(() => {
  isOver = true;
  process.stdout.write(JSON.stringify({ answers, failures }));
  process.exit(0);
}, Number(milliseconds));

function run() {
  const socket = connect({ port: Number(port), host: '127.0.0.1', noDelay: true });
  let buffered = Buffer.alloc(0);
  socket.on('connect', () => socket.write(request));
  socket.on('error', () => {
    if (!isOver) failures++;
  });
  socket.on('data', (chunk) => {
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    const end = buffered.indexOf(END_OF_HEAD);
    if (end < 0) return;
    const head = buffered.toString('latin1', 0, end);
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (buffered.length < end + END_OF_HEAD.length + length) return;
    buffered = Buffer.alloc(0);
    if (/^HTTP\/1\.1 20[04] /.test(head)) answers++;
    else failures++;
    socket.write(request);
  });
}
