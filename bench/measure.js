// @ts-check
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { growth, hashCost, loginCost, startTime } from './fresh.js';
import { measureLatency } from './latency.js';
import { authorizationOf, checkGate, peersHere, startPeer } from './peers.js';
import { scenarios, writeRequest } from './scenarios.js';
import { measureThroughput } from './throughput.js';

/**
 * `isWanted` is asked for the ids of scenarios, and for latency, start, login, memory and those of ALONE.
 * @typedef {{ rounds: number, warmUp: number }} Rounds warmUp: requests or bytes, of those that are compiled as they run
 * @typedef {object} Plan
 * @property {Rounds} small of small requests; more, as more is compiled and the differences are smaller
 * @property {Rounds} large of large bodies
 * @property {number} milliseconds of a round
 * @property {(id: string) => boolean} isWanted
 * @property {(id: string) => boolean} isPeerWanted
 * @property {(line: string) => void} print
 *
 * What was measured: values of each round, by what and then by peer.
 * @typedef {Record<string, Record<string, number[]>>} Values
 * @typedef {object} Results
 * @property {import('./peers.js').Peer[]} peers
 * @property {import('./scenarios.js').Scenario[]} scenarios
 * @property {Plan} plan
 * @property {Values} values by the ids of scenarios; and added, p99, start, login, memory-write, memory-answer
 * @property {number} hashMs CPU milliseconds of one bcrypt hash
 * @property {{ id: string, title: string, text: string }[]} alone what the measures of the gateway alone printed
 */

const STARTS = 5;
const LOGINS = 5;

/** The scenarios whose requests are sent where it is not their throughput that is measured. */
const SMALL = 'small-get';
const BIG = { write: 'write-5mb', answer: 'answer-64mb' };

/** Measures of the gateway alone, which print a table of their own. */
const ALONE = [
  { id: 'idle', title: '10,000 idle connections', script: 'bench/idle.js' },
  { id: 'logins', title: 'Failed logins', script: 'bench/logins.js' },
  { id: 'workers', title: 'Two processes', script: 'bench/workers.js' },
  { id: 'users', title: 'Starts, and 100,000 users', script: 'bench/start.js' },
];

/** @param {import('./peers.js').Place} place @param {Plan} plan @returns {Promise<Results>} */
export async function measure(place, plan) {
  const { isWanted, isPeerWanted, print } = plan;
  const peers = peersHere(print).filter(({ id }) => isPeerWanted(id));
  const authorization = authorizationOf(place.users[0]);
  const others = isWanted('memory') ? [SMALL, ...Object.values(BIG)] : [SMALL];
  const isNeeded = (/** @type {string} */ id) => isWanted(id) || others.includes(id);
  const ready = scenarios(place.directory, authorization, isNeeded);
  const wanted = ready.filter(({ id }) => isWanted(id));
  const file = (/** @type {string} */ id) => join(place.directory, id);
  const regulars = peers.filter(({ only }) => only === undefined);
  /** @type {Results} */
  const results = { peers, scenarios: wanted, plan, values: {}, hashMs: NaN, alone: [] };
  const { values } = results;

  if (wanted.length > 0 || isWanted('latency')) {
    const proxies = await startAll(peers, place);
    try {
      Object.assign(values, await measureThroughput(proxies, wanted, place, plan));
      const small = ready.filter(({ id }) => id === SMALL && isWanted('latency'));
      for (const scenario of small) {
        Object.assign(values, await measureLatency(proxies, scenario, place, plan));
      }
    } finally {
      for (const proxy of proxies) await proxy.stop();
    }
  }
  if (isWanted('start')) {
    print('start to first answer');
    values['start'] = await ofEach(regulars, STARTS, (peer) => startTime(peer, place), plan);
  }
  if (isWanted('login')) {
    print('a hundred logins at once');
    writeRequest(file('unseen'), authorizationOf(place.users[1]), {
      target: '/kapacitor/v1/tasks',
    });
    const files = { seen: file(SMALL), unseen: file('unseen') };
    const gates = regulars.filter(({ isOpen }) => isOpen !== true);
    results.hashMs = hashCost(place.users[0]);
    values['login'] = await ofEach(gates, LOGINS, (peer) => loginCost(peer, place, files), plan);
  }
  if (isWanted('memory')) {
    for (const [id, big] of Object.entries(BIG)) {
      print(`memory, a hundred at once: ${big}`);
      const files = { small: file(SMALL), big: file(big) };
      const grown = (/** @type {import('./peers.js').Peer} */ peer) => {
        print(`- ${peer.name}`);
        return growth(peer, place, files);
      };
      values[`memory-${id}`] = await ofEach(regulars, 1, grown, plan);
    }
  }
  for (const { id, title, script } of ALONE.filter((each) => isWanted(each.id))) {
    print(title);
    const { stdout, stderr, status } = spawnSync(process.execPath, [script], { encoding: 'utf8' });
    if (status !== 0) print(`${script} ended with ${status}: ${stderr}`);
    results.alone.push({ id, title, text: stdout.trim() });
  }
  return results;
}

/** @param {import('./peers.js').Peer[]} peers @param {import('./peers.js').Place} place */
async function startAll(peers, place) {
  /** @type {import('./peers.js').Proxy[]} */
  const proxies = [];
  try {
    for (const peer of peers) {
      const proxy = await startPeer(peer, place);
      proxies.push(proxy);
      await checkGate(proxy, place.users[0]);
    }
    return proxies;
  } catch (error) {
    for (const proxy of proxies) await proxy.stop();
    throw error;
  }
}

/**
 * In turn; NaN, and a line, where one fails.
 * @param {import('./peers.js').Peer[]} peers @param {number} rounds
 * @param {(peer: import('./peers.js').Peer) => Promise<number>} measured @param {Plan} plan
 */
async function ofEach(peers, rounds, measured, { print }) {
  /** @type {Record<string, number[]>} */
  const values = {};
  for (let round = 0; round < rounds; round++) {
    for (const peer of peers) {
      const value = await measured(peer).catch((/** @type {unknown} */ error) => {
        print(`${peer.name}: ${String(error)}`);
        return NaN;
      });
      (values[peer.id] ??= []).push(value);
    }
  }
  return values;
}
