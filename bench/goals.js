// @ts-check
import { median, medianRatio } from './statistics.js';

/**
 * @typedef {object} Goal
 * @property {string} name
 * @property {string} wanted
 * @property {(results: import('./measure.js').Results) => number} value NaN where it was not measured
 * @property {(value: number) => boolean} isMet
 * @property {(value: number) => string} shown
 */

/** @type {Goal[]} */
const GOALS = [
  ...ofSmall('small-get', 'small GET'),
  ...ofSmall('small-post', 'small POST /write'),
  atMost(0.25, 'ms', 'p50 added at one connection', ({ values }) => median(of(values, 'added'))),
  {
    ...atMost(1, '', 'p99 at a fixed rate ÷ vmauth', ({ values }) =>
      medianRatio(values['p99']?.['kapgate'], values['p99']?.['vmauth']),
    ),
    wanted: '≤ 1',
  },
  atLeast(1, 'bytes, the least of the large bodies ÷ vmauth', leastRatio('vmauth')),
  atLeast(1, 'bytes, the least of the large bodies ÷ Caddy', leastRatio('caddy')),
  atMost(40, 'MiB', 'growth by a hundred writes of 5 MB at once', ({ values }) =>
    median(of(values, 'memory-write')),
  ),
  atMost(40, 'MiB', 'growth by a hundred answers of 64 MB at once', ({ values }) =>
    median(of(values, 'memory-answer')),
  ),
  {
    ...atMost(
      1.5,
      '',
      'a hundred first logins at once ÷ one bcrypt hash',
      ({ values, hashMs }) => median(of(values, 'login')) / hashMs,
    ),
    wanted: 'one hash (≤ 1.5: processor time is counted in steps of 10 ms)',
  },
  atLeast(0.9, 'two processes ÷ one', ({ alone }) => {
    const table = alone.find(({ id }) => id === 'workers')?.text ?? '';
    return Number(/^\| 2 \|.*\| ([\d.]+) \|$/m.exec(table)?.[1]);
  }),
  atMost(250, 'MiB', 'memory with 10,000 idle connections', ({ alone }) => {
    const table = alone.find(({ id }) => id === 'idle')?.text ?? '';
    return Number(/^\| 10000 \| \d+ \| (\d+) \|/m.exec(table)?.[1]);
  }),
  atMost(400, 'ms', 'start to first answer', ({ values }) => median(of(values, 'start'))),
];

/** A row for each goal that was measured. @param {import('./measure.js').Results} results */
export function goalRows(results) {
  return GOALS.map((goal) => ({ goal, value: goal.value(results) }))
    .filter(({ value }) => !Number.isNaN(value))
    .map(({ goal, value }) => [
      goal.name,
      goal.wanted,
      goal.shown(value),
      goal.isMet(value) ? 'met' : '**missed**',
    ]);
}

/** @param {string} id @param {string} name @returns {Goal[]} */
function ofSmall(id, name) {
  return [
    atLeast(1.25, `${name} ÷ vmauth`, ratio(id, 'vmauth')),
    atLeast(2, `${name} ÷ Caddy`, ratio(id, 'caddy')),
    atLeast(2, `${name} ÷ http-proxy`, ratio(id, 'http-proxy')),
    atLeast(0.85, `${name}, access log on ÷ off`, ({ values }) =>
      medianRatio(values[id]?.['kapgate-log'], values[id]?.['kapgate']),
    ),
  ];
}

/** @param {string} scenario @param {string} rival @returns {Goal['value']} */
function ratio(scenario, rival) {
  return ({ values }) => medianRatio(values[scenario]?.['kapgate'], values[scenario]?.[rival]);
}

/** @param {string} rival @returns {Goal['value']} */
function leastRatio(rival) {
  return (results) => {
    const large = results.scenarios.filter(({ unit }) => unit === 'bytes');
    if (large.length === 0) return NaN;
    return Math.min(...large.map(({ id }) => ratio(id, rival)(results)));
  };
}

/** @param {number} limit @param {string} name @param {Goal['value']} value @returns {Goal} */
function atLeast(limit, name, value) {
  const shown = (/** @type {number} */ each) => each.toFixed(2);
  return { name, wanted: `≥ ${limit}`, value, isMet: (each) => each >= limit, shown };
}

/** @param {number} limit @param {string} unit @param {string} name @param {Goal['value']} value @returns {Goal} */
function atMost(limit, unit, name, value) {
  const digits = limit < 10 ? 2 : 0;
  const shown = (/** @type {number} */ each) => `${each.toFixed(digits)} ${unit}`.trim();
  return { name, wanted: `≤ ${limit} ${unit}`, value, isMet: (each) => each <= limit, shown };
}

/** @param {import('./measure.js').Values} values @param {string} what */
function of(values, what) {
  return values[what]?.['kapgate'] ?? [];
}
