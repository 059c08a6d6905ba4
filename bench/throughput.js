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
    const { rounds } = roundsOf(scenario, plan);
    await warm(part, scenario, core, plan);
    const isEnough = (/** @type {number} */ _done, /** @type {number} */ used) =>
      used >= (plan.milliseconds / 1000) * SHARE;
    /** @type {Record<string, number[]>} */
    const values = Object.fromEntries(part.map(({ id }) => [id, []]));
    for (let round = 0; round < rounds; round++) {
      for (const proxy of part) {
        values[proxy.id]?.push(await run(proxy, scenario, core, plan, isEnough));
      }
    }
    all[scenario.id] = values;
    const medians = part.map(({ id, name }) => `${name} ${shown(values[id] ?? [], scenario)}`);
    plan.print(`${scenario.name}, ${scenario.unit}/CPU-s: ${medians.join(', ')}`);
  }
  return all;
}

/**
 * Each works until what V8 compiles while it runs is compiled.
 * @param {import('./peers.js').Proxy[]} proxies @param {import('./scenarios.js').ReadyScenario} scenario
 * @param {number} core @param {import('./measure.js').Plan} plan
 */
export async function warm(proxies, scenario, core, plan) {
  const { warmUp } = roundsOf(scenario, plan);
  for (const proxy of proxies) {
    const isEnough = (/** @type {number} */ done) =>
      done >= (proxy.isCompiledAsItRuns ? warmUp : 0);
    await run(proxy, scenario, core, plan, isEnough);
  }
}

/** @param {import('./scenarios.js').Scenario} scenario @param {import('./measure.js').Plan} plan */
function roundsOf({ unit }, plan) {
  return unit === 'requests' ? plan.small : plan.large;
}

/**
 * Requests or bytes for each CPU-second, of as many runs as it takes: on a loaded machine a proxy may get little in one.
 * NaN, and a line, where answers are missing.
 * @param {import('./peers.js').Proxy} proxy @param {import('./scenarios.js').ReadyScenario} scenario
 * @param {number} core @param {import('./measure.js').Plan} plan @param {(done: number, cpuSeconds: number) => boolean} isEnough
 */
async function run(proxy, scenario, core, { milliseconds, print }, isEnough) {
  const connections = String(proxy.connections ?? scenario.connections);
  const args = [String(proxy.port), connections, String(milliseconds), `@${scenario.file}`];
  const before = familyCpuSeconds(proxy.pid);
  let done = 0;
  for (;;) {
    const { answers, fromUpstream, failures, received } = await load(core, args);
    const faults = failures + Math.max(0, answers - fromUpstream);
    if (faults > 0) {
      print(`${proxy.name}, ${scenario.name}: ${faults} failures, ${answers} answers`);
      return NaN;
    }
    done += scenario.unit === 'requests' ? answers : received + answers * scenario.sent;
    const used = familyCpuSeconds(proxy.pid) - before;
    if (isEnough(done, used)) return done / used;
  }
}

/** @param {number[]} values @param {import('./scenarios.js').Scenario} scenario */
function shown(values, { unit }) {
  const value = median(values);
  return unit === 'requests' ? String(Math.round(value)) : `${Math.round(value / 1e6)} MB`;
}
