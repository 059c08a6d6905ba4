// @ts-check
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lutimesSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * A file of a package. It is a copy of another (`from`), or made (`text`), or a link to `link`.
 * @typedef {object} Entry
 * @property {string} to its path in the package
 * @property {number} [mode] by default 0644
 * @property {string} [from]
 * @property {string | Buffer} [text]
 * @property {string} [link]
 */

/** What is in the file of an entry. @param {Entry} entry @returns {string | Buffer} */
export function contentOf({ from, text }) {
  return from === undefined ? (text ?? '') : readFileSync(from);
}

/**
 * Writes the files of a package, each with its mode whatever the umask, and all of one age: the same source makes the
 * same package.
 * @param {string} directory @param {readonly Entry[]} entries @param {number} epochSeconds
 */
export function writeTree(directory, entries, epochSeconds) {
  for (const entry of entries) {
    const path = join(directory, entry.to);
    mkdirSync(dirname(path), { recursive: true });
    if (entry.link !== undefined) {
      symlinkSync(entry.link, path);
    } else {
      writeFileSync(path, contentOf(entry), { flag: 'wx' });
      chmodSync(path, entry.mode ?? 0o644);
    }
  }
  settle(directory, epochSeconds);
}

/** @param {string} directory @param {number} epochSeconds */
function settle(directory, epochSeconds) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) settle(path, epochSeconds);
    else lutimesSync(path, epochSeconds, epochSeconds);
  }
  chmodSync(directory, 0o755);
  lutimesSync(directory, epochSeconds, epochSeconds);
}

/** The lines of md5sum(1). @param {readonly Entry[]} entries @returns {string} */
export function md5sums(entries) {
  return entries
    .filter(({ link }) => link === undefined)
    .map((entry) => `${createHash('md5').update(contentOf(entry)).digest('hex')}  ${entry.to}\n`)
    .join('');
}

/** Every file below a directory, by its path from there, in one order everywhere. @param {string} directory @returns {string[]} */
export function filesBelow(directory) {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(directory.length + 1))
    .sort();
}
