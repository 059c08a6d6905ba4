// @ts-check
// node bench/learn.js [MEGABYTES]: how long kapgate learn takes for an audit log, and how much memory. By default 200 MB,
// with a heap of 128 MB at most. Needs dist (npm run build).
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const MEGABYTES = Number(process.argv[2] ?? 200);
const HEAP_MEGABYTES = 128;
const CLIENTS = 2_000;
const PARTS = [
  'tasks',
  'templates',
  'alerts/topics',
  'config',
  'ping',
  'recordings',
  'service-tests',
];

const directory = mkdtempSync(join(tmpdir(), 'kapgate-bench-'));
try {
  await main();
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function main() {
  const file = join(directory, 'audit.log');
  await generate(file);
  const size = (statSync(file).size / 1e6).toFixed(0);
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP_MEGABYTES}`, 'dist/main.js', 'learn', '--json', file],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  let peakKilobytes = 0;
  const watch = setInterval(() => {
    peakKilobytes = Math.max(peakKilobytes, residentPeak(child.pid));
  }, 100);
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  clearInterval(watch);
  if (code !== 0) throw new Error(`learn ended with ${code}`);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  const { lines, clients, proposals } = JSON.parse(output);
  console.log(
    `${size} MB, ${lines} lines: ${seconds} s, ${Math.round(peakKilobytes / 1024)} MiB at most; ` +
      `${clients.length} clients, ${proposals.length} proposals`,
  );
}

/** @param {string} file */
async function generate(file) {
  const stream = createWriteStream(file);
  let bytes = 0;
  for (let index = 0; bytes < MEGABYTES * 1e6; index++) {
    const line = `${JSON.stringify(record(index))}\n`;
    bytes += line.length;
    if (!stream.write(line)) await once(stream, 'drain');
  }
  stream.end();
  await once(stream, 'close');
}

/** @param {number} index */
function record(index) {
  const client = (index * 7919) % CLIENTS;
  const isWrite = index % 3 === 0;
  return {
    time: new Date(1_760_000_000_000 + index * 200).toISOString(),
    verdict: 'unauthorized',
    would_be: 401,
    status: 204,
    method: isWrite ? 'POST' : 'GET',
    path: isWrite ? '/write' : `/kapacitor/v1/${PARTS[index % PARTS.length]}/${index % 500}`,
    database: isWrite ? `db${index % 20}` : undefined,
    address: `10.0.${client >> 8}.${client & 255}`,
    claimed: client % 4 === 0 ? `user${client % 100}` : undefined,
    auth: client % 4 === 0 ? 'basic' : 'none',
    reason: 'unable to parse authentication credentials',
    'user-agent': `program${client % 50}/1.${client % 9}`,
    'request-id': `0b51c0ec-3a6e-4ee1-8f6e-${String(index).padStart(12, '0')}`,
    duration_ms: index % 90,
  };
}

/** @param {number | undefined} pid */
function residentPeak(pid) {
  try {
    return Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
