// @ts-check
import { load } from './processes.js';
import { warm } from './throughput.js';

/** Below what the slowest proxy can do, and as much for each. */
export const RATE = 3_000;
export const CONNECTIONS = 32;
const ROUNDS = 7;

/**
 * Milliseconds. `added`: what the median request on one connection takes more than one that goes to the upstream itself;
 * `p99`: at a fixed rate, each counted from when it was due; `direct` there is the upstream itself.
 * @param {import('./peers.js').Proxy[]} proxies @param {import('./scenarios.js').ReadyScenario} scenario
 * @param {import('./peers.js').Place} place @param {import('./measure.js').Plan} plan
 * @returns {Promise<import('./measure.js').Values>}
 */
export async function measureLatency(proxies, scenario, { core, upstreamPort }, plan) {
  const part = proxies.filter(({ only }) => only === undefined);
  const direct = { id: 'direct', name: 'directly', port: upstreamPort };
  /** @type {Record<string, number[]>} */
  const added = {};
  /** @type {Record<string, number[]>} */
  const p99s = {};
  const ask = async (/** @type {number} */ port, /** @type {string[]} */ ...how) => {
    const [connections = '', milliseconds = '', mode = ''] = how;
    const answer = await load(core, [
      String(port),
      connections,
      milliseconds,
      `@${scenario.file}`,
      mode,
    ]);
    if (answer.failures === 0) return answer;
    plan.print(`port ${port}: ${answer.failures} failures`);
    return { p50: NaN, p99: NaN };
  };
  await warm(part, scenario, core, plan);
  const milliseconds = String(plan.milliseconds);
  for (let round = -1; round < ROUNDS; round++) {
    plan.print(`latency, round ${round + 2} of ${ROUNDS + 1}`);
    const { p50 } = await ask(direct.port, '1', milliseconds, 'closed');
    for (const { id, port } of part) {
      const through = await ask(port, '1', milliseconds, 'closed');
      if (round >= 0) (added[id] ??= []).push(through.p50 - p50);
    }
    for (const { id, port } of [direct, ...part]) {
      const { p99 } = await ask(port, String(CONNECTIONS), milliseconds, `rate=${RATE}`);
      if (round >= 0) (p99s[id] ??= []).push(p99);
    }
  }
  return { added, p99: p99s };
}
