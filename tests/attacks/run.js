// @ts-check
// npm run attacks: plays every attack of catalogue.json, and prints the table of docs/security.md; with --write it goes there.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** @typedef {{ of: string, tests: string[], open?: string }} Attack */
/** @typedef {{ family: string, attacks: Attack[] }} Family */
/** @typedef {{ file: string, fullName: string, status: string }} Played */

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const DOCUMENT = join(ROOT, 'docs/security.md');
const MARKS = ['<!-- attacks -->', '<!-- /attacks -->'];

/** @type {Family[]} */
const catalogue = JSON.parse(readFileSync(new URL('catalogue.json', import.meta.url), 'utf8'));

const played = play([...new Set(catalogue.flatMap(({ attacks }) => attacks.flatMap(filesOf)))]);
const rows = catalogue
  .filter(({ attacks }) => attacks.some(({ tests }) => tests.length > 0))
  .map((family) => rowOf(family, played));
const table = [
  '| Attack family | Cases tried | Cases held | Where its tests are |',
  '| --- | --- | --- | --- |',
  ...rows.map(({ text }) => text),
].join('\n');
process.stdout.write(`${table}\n`);
for (const name of rows.flatMap(({ broken }) => broken))
  process.stderr.write(`not held: ${name}\n`);
for (const name of unknown(played)) process.stderr.write(`there is no such test: ${name}\n`);
if (process.argv.includes('--write')) write(table);
process.exitCode =
  rows.every(({ broken }) => broken.length === 0) && unknown(played).length === 0 ? 0 : 1;

/** @param {string[]} files @returns {Played[]} */
function play(files) {
  const directory = mkdtempSync(join(tmpdir(), 'kapgate-attacks-'));
  const output = join(directory, 'played.json');
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  // A gateway that a failed test left open must not hold up the rest.
  const options = [
    '--json',
    '--forceExit',
    `--outputFile=${output}`,
    '--testTimeout=240000',
    '--runTestsByPath',
  ];
  spawnSync(process.execPath, [...jest, 'node_modules/jest/bin/jest.js', ...options, ...files], {
    cwd: ROOT,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  /** @type {{ testResults: { name: string, assertionResults: { fullName: string, status: string }[] }[] }} */
  const { testResults } = JSON.parse(readFileSync(output, 'utf8'));
  rmSync(directory, { recursive: true });
  return testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map(({ fullName, status }) => ({
      file: relative(ROOT, name),
      fullName,
      status,
    })),
  );
}

/** @param {Family} family @param {Played[]} all */
function rowOf({ family, attacks }, all) {
  // What needs a program that is not here is skipped, and not counted.
  const cases = all.filter(
    (each) =>
      each.status !== 'pending' &&
      attacks.some(({ tests }) => tests.some((test) => isOf(test, each))),
  );
  const broken = cases.filter(({ status }) => status !== 'passed');
  const files = [...new Set(attacks.flatMap(filesOf))].map((file) => `\`${file}\``);
  const held = cases.length - broken.length;
  return {
    text: `| ${family} | ${cases.length} | ${held} | ${files.join(', ')} |`,
    broken: broken.map(({ file, fullName }) => `${file} › ${fullName}`),
  };
}

/** What the catalogue names and jest does not know. @param {Played[]} all */
function unknown(all) {
  return catalogue
    .flatMap(({ attacks }) => attacks.flatMap(({ tests }) => tests))
    .filter((test) => !all.some((each) => isOf(test, each)));
}

/** `FILE`, or `FILE › part of a name`. @param {string} test @param {Played} played */
function isOf(test, { file, fullName }) {
  const [path, part = ''] = test.split(' › ');
  return path === file && fullName.includes(part);
}

/** @param {Attack} attack */
function filesOf({ tests }) {
  return tests.map((test) => test.split(' › ')[0] ?? '');
}

/** @param {string} text */
function write(text) {
  const document = readFileSync(DOCUMENT, 'utf8');
  const [begin, end] = MARKS.map((mark) => document.indexOf(mark));
  if (begin === undefined || end === undefined || begin < 0 || end < begin) {
    throw new Error(`${DOCUMENT} has no ${MARKS.join(' … ')}`);
  }
  const head = document.slice(0, begin + (MARKS[0]?.length ?? 0));
  writeFileSync(DOCUMENT, `${head}\n\n${text}\n\n${document.slice(end)}`);
}
