// @ts-check
import { existsSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { SourceMap } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROXY_CORE, authorizationOf, prepare } from './peers.js';
import { KAPGATES } from './peers/kapgate.js';
import { load, start } from './processes.js';
import { scenarios } from './scenarios.js';

const WARM_UP_MS = 3_000;
const MILLISECONDS = 6_000;
const TOP = 25;

/**
 * Tables of the gateway's own time under small requests, by file and by function.
 * @param {import('./peers.js').Place} place @param {(line: string) => void} print
 */
export async function profile(place, print) {
  const authorization = authorizationOf(place.users[0]);
  const small = scenarios(place.directory, authorization, (id) => id.startsWith('small-'));
  const parts = [];
  for (const { id, name, file } of small) {
    print(`profile of ${name}`);
    parts.push(tables(name, await record(place, id, file)));
  }
  return `\n${parts.join('\n\n')}`;
}

/** @param {import('./peers.js').Place} place @param {string} id @param {string} request @returns {Promise<Profile>} */
async function record(place, id, request) {
  const [kapgate] = KAPGATES;
  if (kapgate === undefined) throw new Error('BUG: no gateway');
  const { port, command } = await prepare(kapgate, place);
  const directory = join(place.directory, `profile-${id}`);
  mkdirSync(directory);
  const [node = '', ...main] = command;
  const options = ['--cpu-prof', `--cpu-prof-dir=${directory}`, '--cpu-prof-interval=500'];
  const child = await start(PROXY_CORE, [node, ...options, ...main], port);
  const hasEnded = new Promise((resolve) => child.once('exit', resolve));
  const milliseconds = String(WARM_UP_MS + MILLISECONDS);
  const { failures } = await load(place.core, [String(port), '32', milliseconds, `@${request}`]);
  child.kill('SIGTERM');
  await hasEnded;
  if (failures > 0) throw new Error(`${failures} requests failed`);
  const [file = ''] = readdirSync(directory);
  return JSON.parse(readFileSync(join(directory, file), 'utf8'));
}

/**
 * @typedef {{ functionName: string, url: string, lineNumber: number, columnNumber: number }} CallFrame
 * @typedef {{ nodes: { id: number, callFrame: CallFrame }[], samples: number[], timeDeltas: number[] }} Profile
 */

/** @param {string} name @param {Profile} recorded */
function tables(name, { nodes, samples, timeDeltas }) {
  const frames = new Map(nodes.map(({ id, callFrame }) => [id, callFrame]));
  /** @type {Map<string, number>} */
  const files = new Map();
  /** @type {Map<string, number>} */
  const functions = new Map();
  const total = timeDeltas.reduce((sum, each) => sum + each, 0);
  let busy = 0;
  let elapsed = 0;
  for (const [index, sample] of samples.entries()) {
    const took = timeDeltas[index] ?? 0;
    elapsed += took;
    const frame = frames.get(sample);
    // The start, and the time until all was compiled, are another matter.
    if (elapsed < total - MILLISECONDS * 1_000 || frame === undefined) continue;
    if (frame.functionName === '(idle)') continue;
    busy += took;
    const file = fileOf(frame);
    files.set(file, (files.get(file) ?? 0) + took);
    const key = `${frame.functionName || '(anonymous)'} in ${file}`;
    functions.set(key, (functions.get(key) ?? 0) + took);
  }
  const rows = (/** @type {Map<string, number>} */ map) =>
    [...map]
      .sort(([, a], [, b]) => b - a)
      .slice(0, TOP)
      .map(([key, took]) => `| ${key} | ${((100 * took) / busy).toFixed(1)} % |`)
      .join('\n');
  return [
    `### ${name}: own time by file`,
    `| file | of the busy time |\n| --- | --- |\n${rows(files)}`,
    `### ${name}: own time by function`,
    `| function | of the busy time |\n| --- | --- |\n${rows(functions)}`,
  ].join('\n\n');
}

/** Ours as it is called in src; Node's and each package in one. @param {CallFrame} frame */
function fileOf(frame) {
  const { functionName, url } = frame;
  if (url === '') return /^\(/.test(functionName) ? functionName : '(built in)';
  if (!url.startsWith('file:')) return url;
  const source = PACKAGE.test(url) ? url : sourceOf(frame);
  return PACKAGE.exec(source)?.[1] ?? /\/(src\/.*)$/.exec(source)?.[1] ?? source;
}

const PACKAGE = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/;

/** @type {Map<string, SourceMap | undefined>} */
const maps = new Map();

/** The file that was written, where this one was made of several. @param {CallFrame} frame */
function sourceOf({ url, lineNumber, columnNumber }) {
  const file = fileURLToPath(url);
  if (!maps.has(url)) maps.set(url, mapOf(`${file}.map`));
  const found = maps.get(url)?.findEntry(lineNumber, columnNumber);
  return found !== undefined && 'originalSource' in found ? found.originalSource : file;
}

/** @param {string} file */
function mapOf(file) {
  return existsSync(file) ? new SourceMap(JSON.parse(readFileSync(file, 'utf8'))) : undefined;
}
