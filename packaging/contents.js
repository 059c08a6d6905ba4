// @ts-check
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { moduleEntries } from './modules.js';
import { filesBelow } from './tree.js';
/** @typedef {import('./tree.js').Entry} Entry */

/** The program and all that it loads. @param {import('./build.js').Build} build @param {string} to @returns {Entry[]} */
export function programEntries({ root, version, modules }, to) {
  const built = filesBelow(join(root, 'dist'));
  if (!built.includes('main.js')) throw new Error('dist/ is not built: npm run build');
  return [
    ...built.map((file) => ({
      to: join(to, 'dist', file),
      from: join(root, 'dist', file),
      mode: file === 'main.js' ? 0o755 : 0o644,
    })),
    { to: join(to, 'package.json'), text: packageJson(root, version) },
    { to: join(to, 'LICENSE'), from: join(root, 'LICENSE') },
    ...moduleEntries(root, modules, to),
  ];
}

/** What of package.json counts where it is installed: Node reads `type`, `kapgate --version` its version. */
function packageJson(/** @type {string} */ root, /** @type {string} */ version) {
  const { name, description, license, type, engines } = readPackage(root);
  return `${JSON.stringify({ name, version, description, license, type, engines }, undefined, 2)}\n`;
}

/** @param {string} root */
export function readPackage(root) {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
}

const DOCUMENTS = /\.(?:md|yml|json|tick)$/;

/** The documents, laid out as in the tree: their links go on leading somewhere. @param {string} root @param {string} to @returns {Entry[]} */
export function documentEntries(root, to) {
  const documents = filesBelow(join(root, 'docs')).filter((file) => DOCUMENTS.test(file));
  return [
    ...['README.md', 'CHANGELOG.md', 'gateway.toml'],
    ...documents.map((file) => join('docs', file)),
  ].map((file) => ({ to: join(to, file), from: join(root, file) }));
}

/** Units, and what is beside them. @param {string} root @param {string} to @returns {Entry[]} */
export function systemdEntries(root, to) {
  return filesBelow(join(root, 'systemd')).map((file) => ({
    to: join(to, file),
    from: join(root, 'systemd', file),
  }));
}

/** `npm run manual` makes them. @param {string} root @param {string} to @returns {Entry[]} */
export function manualEntries(root, to) {
  return below(join(root, 'man'), /\.[1-8]$/).map((from) => ({
    to: join(to, `man${from.at(-1)}`, `${basename(from)}.gz`),
    text: gzipped(readFileSync(from)),
  }));
}

/** @param {string} root @param {{ bash: string, zsh: string }} to @returns {Entry[]} */
export function completionEntries(root, { bash, zsh }) {
  const directory = join(root, 'completions');
  return [
    ...below(directory, /^kapgate(?:\.bash)?$/).map((from) => ({
      to: join(bash, 'kapgate'),
      from,
    })),
    ...below(directory, /^_kapgate$/).map((from) => ({ to: join(zsh, '_kapgate'), from })),
  ];
}

/** @param {string} directory @param {RegExp} name */
function below(directory, name) {
  if (!existsSync(directory)) return [];
  return filesBelow(directory)
    .filter((file) => name.test(file))
    .map((file) => join(directory, file));
}

/** Without a time in it. @param {string | Buffer} bytes */
export function gzipped(bytes) {
  return gzipSync(bytes, { level: 9 });
}
