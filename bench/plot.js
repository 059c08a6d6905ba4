// @ts-check
import { measured, median } from './statistics.js';

const WIDTH = 720;
const LABEL = 140;
const FIGURE = 70;
const BAR = 16;
const STEP = 22;
const TITLE = 34;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .own { fill: #0b7285; } .peer { fill: #8fa3b0; } .limit { fill: none; stroke: #8fa3b0; }
  .range { stroke: #1f2328; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .own { fill: #3bc9db; } .peer { fill: #5f7482; } .limit { stroke: #5f7482; }
    .range { stroke: #e6edf3; }
  }`;

/**
 * Bars of the requests for each CPU-second, as SVG, readable on light and on dark; outlined what has no gate. Nothing where
 * no requests were counted.
 * @param {import('./measure.js').Results} results
 */
export function plot({ peers, scenarios, values }) {
  const counted = scenarios.filter(({ unit }) => unit === 'requests');
  if (counted.length === 0) return undefined;
  const most = Math.max(
    ...counted.flatMap(({ id }) => measured(Object.values(values[id] ?? {}).flat())),
  );
  const scale = (WIDTH - LABEL - FIGURE) / most;
  /** @type {string[]} */
  const parts = [];
  let y = 0;
  for (const { id, name } of counted) {
    parts.push(
      `<text class="title" x="0" y="${y + 20}">${name}: requests for each CPU-second</text>`,
    );
    y += TITLE;
    for (const peer of peers) {
      const rounds = measured(values[id]?.[peer.id] ?? []);
      if (rounds.length === 0) continue;
      parts.push(bar(peer, rounds, scale, y));
      y += STEP;
    }
  }
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y + 4}" width="${WIDTH}" role="img" aria-label="Requests for each CPU-second">
<style>${STYLE}
</style>
${parts.join('\n')}
</svg>
`;
}

/** The median, and a line from the least to the most. @param {import('./peers.js').Peer} peer @param {number[]} rounds @param {number} scale @param {number} y */
function bar({ id, name, isOpen }, rounds, scale, y) {
  const kind = id.startsWith('kapgate') ? 'own' : isOpen ? 'limit' : 'peer';
  const [low, middle, high] = [Math.min(...rounds), median(rounds), Math.max(...rounds)];
  const at = (/** @type {number} */ value) => (LABEL + value * scale).toFixed(1);
  const center = y + BAR / 2;
  return [
    `<text x="${LABEL - 8}" y="${y + 12}" text-anchor="end">${name}</text>`,
    `<rect class="${kind}" x="${LABEL}" y="${y}" width="${(middle * scale).toFixed(1)}" height="${BAR}"/>`,
    `<path class="range" d="M${at(low)} ${center}H${at(high)}"/>`,
    `<text x="${Number(at(high)) + 6}" y="${y + 12}">${Math.round(middle).toLocaleString('en')}</text>`,
  ].join('');
}
