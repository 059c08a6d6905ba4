// @ts-check
// What is measured of a proxy that has just been started: its start, a first login, the memory that it grows by.
import { setTimeout as sleep } from 'node:timers/promises';
import bcrypt from 'bcrypt';
import { PROXY_CORE, authorizationOf, prepare, startPeer } from './peers.js';
import { begin, end, familyCpuSeconds, forgetPeakMemory, load } from './processes.js';
import { peakMemory, residentMemory } from './processes.js';

const AT_ONCE = 100;
const POLL_MS = 2;
const LONG_MS = 120_000;
const START_LIMIT_MS = 20_000;

/** Milliseconds from the start of the process to its first answer to a user. @param {import('./peers.js').Peer} peer @param {import('./peers.js').Place} place */
export async function startTime(peer, place) {
  const { port, command, env } = await prepare(peer, place);
  const begun = performance.now();
  const child = begin(PROXY_CORE, command, env);
  try {
    while (!(await answers(port, place.users[0]))) {
      if (performance.now() - begun > START_LIMIT_MS) throw new Error(`${peer.name} never answers`);
      await sleep(POLL_MS);
    }
    return performance.now() - begun;
  } finally {
    await end(child);
  }
}

/** @param {number} port @param {import('./peers.js').User} user */
async function answers(port, user) {
  try {
    const headers = { Authorization: authorizationOf(user) };
    const answer = await fetch(`http://127.0.0.1:${port}/kapacitor/v1/tasks`, { headers });
    await answer.arrayBuffer();
    return answer.status === 200;
  } catch {
    return false;
  }
}

/**
 * CPU milliseconds of a hundred requests at once of a user who has not been seen yet, less those of one who has.
 * @param {import('./peers.js').Peer} peer @param {import('./peers.js').Place} place @param {{ seen: string, unseen: string }} files
 */
export async function loginCost(peer, place, { seen, unseen }) {
  const proxy = await startPeer(peer, place);
  const cost = async (/** @type {string} */ file) => {
    const before = familyCpuSeconds(proxy.pid);
    await atOnce(proxy.port, file, place.core);
    return (familyCpuSeconds(proxy.pid) - before) * 1_000;
  };
  try {
    await cost(seen);
    await load(place.core, [String(proxy.port), '32', '2000', `@${seen}`]);
    const known = await cost(seen);
    return (await cost(unseen)) - known;
  } finally {
    await proxy.stop();
  }
}

/** CPU milliseconds of one comparison at cost 10. @param {import('./peers.js').User} user */
export function hashCost({ password, hash }) {
  const before = process.cpuUsage();
  for (let each = 0; each < 5; each++) bcrypt.compareSync(password, hash);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 5_000;
}

/**
 * MiB, or NaN where it does not answer all of them, that it grows by while it serves a hundred of these at once, from where it is after small requests on as many.
 * @param {import('./peers.js').Peer} peer @param {import('./peers.js').Place} place @param {{ small: string, big: string }} files
 */
export async function growth(peer, place, { small, big }) {
  const proxy = await startPeer(peer, place);
  try {
    await load(place.core, [String(proxy.port), String(AT_ONCE), '2000', `@${small}`]);
    await sleep(500);
    const idle = residentMemory(proxy.pid);
    forgetPeakMemory(proxy.pid);
    const answered = await atOnce(proxy.port, big, place.core);
    return answered === AT_ONCE ? peakMemory(proxy.pid) - idle : NaN;
  } finally {
    await proxy.stop();
  }
}

/** How many of them were answered as they should be. @param {number} port @param {string} file @param {number} core */
async function atOnce(port, file, core) {
  const args = [String(port), String(AT_ONCE), String(LONG_MS), `@${file}`, `count=${AT_ONCE}`];
  return (await load(core, args)).answers;
}
