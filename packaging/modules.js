// @ts-check
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { filesBelow } from './tree.js';
/** @typedef {import('./tree.js').Entry} Entry */

/** What of a package runs, and under which terms. Types, sources in C, maps and documents stay behind. */
const TAKEN = /(?:\.(?:c|m)?js|\.json|\.node)$|^(?:licen[cs]e|copying|notice)(?:[.-][\w.-]*)?$/i;
/** Of a package's own tests and builds. */
const LEFT = /(?:^|\/)(?:\.[^/]*|tests?|__tests__|bench|benchmarks?|examples?|docs|bin|tools)\//i;
const NOT_RUN =
  /\.d\.(?:c|m)?js$|(?:^|\/)(?:tsconfig|rollup\.config|\.eslintrc|tests?\.|bin\.|build-test\.|optional\.js)[\w.-]*$/;
/** Prebuilt native modules are there for several platforms and C libraries. */
const NATIVE = /(?:^|[/-])linux-x64\/[^/]*\.glibc\.node$/;

/**
 * @typedef {object} Module
 * @property {string} name
 * @property {string} version
 * @property {string} license
 * @property {string} path below node_modules/
 */

/**
 * The packages that the program needs when it runs, as they are installed in the tree.
 * @param {string} root @returns {readonly Module[]}
 */
export function runtimeModules(root) {
  const args = ['ls', '--omit=dev', '--all', '--parseable'];
  const listed = execFileSync('npm', args, { cwd: root, encoding: 'utf8' }).trim().split('\n');
  const directories = [...new Set(listed)].filter((each) => each !== '' && each !== root).sort();
  return directories.map((directory) => {
    const text = readFileSync(join(directory, 'package.json'), 'utf8');
    const { name, version, license } = JSON.parse(text);
    const terms = typeof license === 'string' ? license : 'see its directory';
    return { name, version, license: terms, path: relative(join(root, 'node_modules'), directory) };
  });
}

/**
 * Their files, for Linux on x86-64 with glibc.
 * @param {string} root @param {readonly Module[]} modules @param {string} to @returns {Entry[]}
 */
export function moduleEntries(root, modules, to) {
  const entries = modules.flatMap(({ path }) => {
    const directory = join(root, 'node_modules', path);
    return filesBelow(directory)
      .filter((file) => !file.startsWith('node_modules/') && isTaken(file, path))
      .map((file) => ({
        to: join(to, 'node_modules', path, file),
        from: join(directory, file),
      }));
  });
  for (const needed of ['bcrypt/prebuilds', '@lmdb/lmdb-linux-x64', 'msgpackr-extract-linux-x64']) {
    if (!entries.some((entry) => entry.to.endsWith('.node') && entry.to.includes(needed))) {
      throw new Error(`no native module of ${needed}: build it on Linux on x86-64, after npm ci`);
    }
  }
  return entries;
}

/** @param {string} file @param {string} path */
function isTaken(file, path) {
  const name = file.split('/').at(-1) ?? '';
  if (!TAKEN.test(name) || LEFT.test(file) || NOT_RUN.test(file)) return false;
  return !file.endsWith('.node') || NATIVE.test(join(path, file));
}
