// @ts-check
import { familyCpuSeconds, load } from './processes.js';
import { median } from './statistics.js';

/** Of a round's time, how much the proxy must have worked: its processor time is counted in steps of 10 ms. */
const SHARE = 0.4;

/**
 * Requests, or bytes, for each CPU-second of the proxy: all proxies in turn, round after round.
 * @param {import('./peers.js').Proxy[]} proxies @param {import('./scenarios.js').ReadyScenario[]} scenarios
 * @param {import('./peers.js').Place} place @param {import('./measure.js').Plan} plan
 * @returns {Promise<import('./measure.js').Values>}
 */
export async function measureThroughput(proxies, scenarios, { core }, plan) {
  /** @type {import('./measure.js').Values} */
  const all = {};
  for (const scenario of scenarios) {
    const part = proxies.filter(({ only }) => only?.includes(scenario.id) ?? true);
    const { rounds, warmUpSeconds } = scenario.unit === 'requests' ? plan.small : plan.large;
    for (const proxy of part) await run(proxy, scenario, core, plan.milliseconds, warmUpSeconds);
    const enough = (plan.milliseconds / 1000) * SHARE;
    /** @type {Record<string, number[]>} */
    const values = Object.fromEntries(part.map(({ id }) => [id, []]));
    for (let round = 0; round < rounds; round++) {
      for (const proxy of part) {
        values[proxy.id]?.push(await run(proxy, scenario, core, plan.milliseconds, enough));
      }
    }
    all[scenario.id] = values;
    const medians = part.map(({ id, name }) => `${name} ${shown(values[id] ?? [], scenario)}`);
    plan.print(`${scenario.name}, ${scenario.unit}/CPU-s: ${medians.join(', ')}`);
  }
  return all;
}

/**
 * As often as it takes until the proxy has used so many CPU-seconds: on a loaded machine it may get few in a round.
 * @param {import('./peers.js').Proxy} proxy @param {import('./scenarios.js').ReadyScenario} scenario
 * @param {number} core @param {number} milliseconds @param {number} enoughSeconds
 */
async function run(proxy, scenario, core, milliseconds, enoughSeconds) {
  const connections = String(proxy.connections ?? scenario.connections);
  const args = [String(proxy.port), connections, String(milliseconds), `@${scenario.file}`];
  const before = familyCpuSeconds(proxy.pid);
  let done = 0;
  for (;;) {
    const { answers, fromUpstream, failures, received } = await load(core, args);
    const faults = failures + Math.max(0, answers - fromUpstream);
    if (faults > 0) throw new Error(`${proxy.name}, ${scenario.name}: ${faults} failures`);
    done += scenario.unit === 'requests' ? answers : received + answers * scenario.sent;
    const used = familyCpuSeconds(proxy.pid) - before;
    if (used >= enoughSeconds) return done / used;
  }
}

/** @param {number[]} values @param {import('./scenarios.js').Scenario} scenario */
function shown(values, { unit }) {
  const value = median(values);
  return unit === 'requests' ? String(Math.round(value)) : `${Math.round(value / 1e6)} MB`;
}
