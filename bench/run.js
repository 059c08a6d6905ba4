// @ts-check
// npm run bench: the gateway beside what an operator would use instead, in turn, one core each, by the CPU-seconds they take.
//   npm run bench                        all of it, printed
//   npm run bench -- --write             and written into docs/performance.md and docs/performance.svg
//   npm run bench -- quick               small requests and the start only, without the limits, in two minutes
//   npm run bench -- only=small-get,idle these scenarios and measures only
//   npm run bench -- peers=kapgate,vmauth these proxies only
//   npm run bench -- profile             where the gateway's own time goes on the hot path, by file
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { measure } from './measure.js';
import { makeUsers } from './peers.js';
import { LIMITS } from './peers/node.js';
import { freePort, start } from './processes.js';
import { profile } from './profile.js';
import { report, write } from './report.js';

const QUICK = ['small-get', 'small-post', 'start'];
const LOAD_CORE = cpus().length > 1 ? 1 : 0;

const words = process.argv.slice(2);
const isQuick = words.includes('quick');
const wanted = listed('only') ?? (isQuick ? QUICK : undefined);
const directory = mkdtempSync(join(tmpdir(), 'kapgate-bench-'));
const upstreamPort = await freePort();
const command = [process.execPath, 'bench/upstream.js', String(upstreamPort)];
const upstream = await start(LOAD_CORE, command, upstreamPort);
try {
  const place = { directory, upstreamPort, users: await makeUsers(), core: LOAD_CORE };
  if (words.includes('profile')) print(await profile(place, print));
  else await compare(place);
} finally {
  upstream.kill();
  rmSync(directory, { recursive: true, force: true });
}

/** @param {import('./peers.js').Place} place */
async function compare(place) {
  const results = await measure(place, {
    small: isQuick ? { rounds: 5, warmUp: 20_000 } : { rounds: 9, warmUp: 60_000 },
    large: { rounds: isQuick ? 3 : 5, warmUp: 1e8 },
    milliseconds: isQuick ? 500 : 1_000,
    isWanted: (id) => wanted?.includes(id) ?? true,
    isPeerWanted: (id) => listed('peers')?.includes(id) ?? !(isQuick && isLimit(id)),
    print,
  });
  const text = report(results);
  print(`\n${text}`);
  if (words.includes('--write')) await write(results, text);
}

/** What bounds the gateway, not a peer of it. @param {string} id */
function isLimit(id) {
  return LIMITS.some((limit) => limit.id === id);
}

/** What follows `NAME=`, if it is there. @param {string} name */
function listed(name) {
  return words
    .find((word) => word.startsWith(`${name}=`))
    ?.slice(name.length + 1)
    .split(',');
}

/** @param {string} line */
function print(line) {
  process.stdout.write(`${line}\n`);
}
