// @ts-check
import { existsSync, readFileSync, readdirSync } from 'node:fs';

/** The mirror of Debian that this machine installs from. @returns {string | undefined} */
export function debianMirror() {
  const own = /^VERSION_CODENAME=(\w+)$/m.exec(textOf('/etc/os-release'))?.[1];
  if (own === undefined) return undefined;
  const directory = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(directory) ? readdirSync(directory).map((name) => `${directory}/${name}`) : []),
  ];
  for (const file of files) {
    const found = file.endsWith('.sources') ? inStanzas(file, own) : inLines(file, own);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** @param {string} file @param {string} codename */
function inStanzas(file, codename) {
  for (const stanza of textOf(file).split(/\n\s*\n/)) {
    const uri = /^URIs:\s*(http\S+)/m.exec(stanza)?.[1];
    const suites = /^Suites:(.*)$/m.exec(stanza)?.[1]?.trim().split(/\s+/) ?? [];
    if (uri !== undefined && suites.includes(codename)) return uri;
  }
  return undefined;
}

/** @param {string} file @param {string} codename */
function inLines(file, codename) {
  const lines = textOf(file).matchAll(/^deb\s+(?:\[[^\]]*\]\s+)?(http\S+)\s+(\S+)\s/gm);
  return [...lines].find(([, , suite]) => suite === codename)?.[1];
}

/** @param {string} file */
function textOf(file) {
  return existsSync(file) ? readFileSync(file, 'utf8') : '';
}
