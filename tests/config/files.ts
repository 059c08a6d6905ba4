import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { ReadFile } from '../../src/config/read-text.ts';

/** A file at the top level of the tree. */
export function inTree(name: string): string {
  return fileURLToPath(new URL(`../../${name}`, import.meta.url));
}

const HERE = fileURLToPath(new URL('.', import.meta.url));

/** The configurations beside the tests whose names end so. */
export function fixtures(ending: string): readonly string[] {
  return readdirSync(HERE).filter((name) => name.endsWith(ending));
}

/** Reads a fixture by its bare name; any other path as it is. */
export const readFixture: ReadFile = (path) =>
  readFileSync(path.includes('/') ? path : HERE + path, 'utf8');

/** The comment lines at the head of a fixture: what it is expected to give. */
export function expectationsOf(name: string): readonly string[] {
  const lines = readFixture(name).split('\n');
  const end = lines.findIndex((line) => !line.startsWith('# '));
  return lines.slice(0, end).map((line) => line.slice(2));
}

/** Files that are only in memory. */
export function filesOf(files: Readonly<Record<string, string>>): ReadFile {
  return (path) => {
    const text = files[path];
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return text;
  };
}
