// @ts-check
import { loadavg } from 'node:os';
import { readFileSync, writeFileSync } from 'node:fs';
import prettier from 'prettier';
import { goalRows } from './goals.js';
import { CONNECTIONS, RATE } from './latency.js';
import { plot } from './plot.js';
import { median, medianRatio, spread } from './statistics.js';
import { versions } from './versions.js';

const DOCUMENT = 'docs/performance.md';
const PLOT = 'docs/performance.svg';
const MARKS = /(?<=<!-- bench: begin -->\n)[^]*(?=<!-- bench: end -->)/;

/** @typedef {import('./measure.js').Results} Results */

/** The tables, ratios first. @param {Results} results */
export function report(results) {
  const { alone } = results;
  return [
    `Measured on ${new Date().toISOString().slice(0, 10)}, load of the machine at the end ${loadavg()[0]?.toFixed(1)}:`,
    versions(results.peers)
      .map((line) => `- ${line}`)
      .join('\n'),
    section('Goals', table(['', 'wanted', 'measured', ''], goalRows(results))),
    section('Ratios', ratios(results)),
    section('Requests and megabytes for each CPU-second', raw(results)),
    section('Latency, start, logins, memory', others(results)),
    section('What each does less', table(['', ''], lessRows(results))),
    ...alone.map(({ title, text }) => section(title, text)),
  ]
    .filter((part) => part !== '')
    .join('\n\n');
}

/** Puts them between the marks of the document, and draws the plot. @param {Results} results @param {string} text */
export async function write(results, text) {
  const before = readFileSync(DOCUMENT, 'utf8');
  if (!MARKS.test(before)) throw new Error(`${DOCUMENT} has lost the marks of bench`);
  const drawn = plot(results);
  const image = '![Requests for each CPU-second](performance.svg)';
  const body = drawn === undefined ? text : `${image}\n\n${text}`;
  const after = before.replace(MARKS, () => `\n${body}\n\n`);
  const options = { ...(await prettier.resolveConfig(DOCUMENT)), filepath: DOCUMENT };
  writeFileSync(DOCUMENT, await prettier.format(after, options));
  if (drawn !== undefined) writeFileSync(PLOT, drawn);
}

/** How many times as much the gateway does for each CPU-second. @param {Results} results */
function ratios({ peers, scenarios, values }) {
  const rivals = peers.filter(({ id }) => id !== 'kapgate');
  const rows = scenarios.map(({ id, name }) => [
    name,
    ...rivals.map((rival) =>
      number(medianRatio(values[id]?.['kapgate'], values[id]?.[rival.id]), 2),
    ),
  ]);
  return table(['Kapgate ÷', ...rivals.map(({ name }) => name)], rows);
}

/** @param {Results} results */
function raw({ peers, scenarios, values }) {
  const rows = scenarios.map(({ id, name, unit }) => [
    name,
    ...peers.map((peer) =>
      spread(values[id]?.[peer.id] ?? [], (each) =>
        number(unit === 'bytes' ? each / 1e6 : each, 0),
      ),
    ),
  ]);
  return table(['median (least–most)', ...peers.map(({ name }) => name)], rows);
}

/** @type {[id: string, name: string, digits: number][]} */
const OTHERS = [
  ['added', 'p50 added at one connection, ms', 3],
  ['p99', `p99 at ${RATE} requests a second on ${CONNECTIONS} connections, ms`, 2],
  ['start', 'start to first answer, ms', 0],
  ['login', 'a hundred first logins at once, CPU ms', 0],
  ['memory-write', 'growth by a hundred writes of 5 MB at once, MiB', 0],
  ['memory-answer', 'growth by a hundred answers of 64 MB at once, MiB', 0],
];

/** @param {Results} results */
function others({ peers, values, hashMs }) {
  const rows = OTHERS.filter(([id]) => values[id] !== undefined).map(([id, name, digits]) => [
    name,
    ...peers.map((peer) => number(median(values[id]?.[peer.id] ?? []), digits)),
  ]);
  const direct = values['p99']?.['direct'];
  const notes = [
    direct === undefined ? '' : `p99 without any proxy: ${median(direct).toFixed(2)} ms.`,
    Number.isNaN(hashMs) ? '' : `One bcrypt hash at cost 10: ${hashMs.toFixed(0)} CPU ms.`,
  ];
  const text = table(['', ...peers.map(({ name }) => name)], rows);
  return [text, notes.join(' ').trim()].filter((part) => part !== '').join('\n\n');
}

/** @param {Results} results */
function lessRows({ peers }) {
  return peers.map(({ name, less }) => [name, less]);
}

/** @param {string} title @param {string} text */
function section(title, text) {
  return text === '' ? '' : `### ${title}\n\n${text}`;
}

/** Nothing where there are no rows. @param {string[]} head @param {string[][]} rows */
function table(head, rows) {
  if (rows.length === 0) return '';
  const lines = [head, head.map(() => '---'), ...rows];
  return lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** @param {number} value @param {number} digits */
function number(value, digits) {
  if (Number.isNaN(value)) return '–';
  const [whole = '', part] = value.toFixed(digits).split('.');
  const grouped = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return part === undefined ? grouped : `${grouped}.${part}`;
}
