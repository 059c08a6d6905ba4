import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The top of the tree. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A file of the tree as text, by its path from the top. */
export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Every file of the tree that is, or is to be, committed. */
export function files(): readonly string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--deduplicate'];
  const { status, stdout } = spawnSync('git', args, { cwd: ROOT, encoding: 'utf8' });
  const listed = status === 0 ? stdout.split('\0').filter((path) => path !== '') : filesBelow('');
  return listed.filter((path) => isThere(path)).sort();
}

/** Every Markdown file of ours. */
export function documents(): readonly string[] {
  return files().filter((path) => /^(?:README|CHANGELOG|docs\/.*)\.md$/.test(path));
}

/** Every file below a directory, by its path from the top; those that are made, not written, are left out. */
export function filesBelow(directory: string): readonly string[] {
  return readdirSync(join(ROOT, directory), { withFileTypes: true }).flatMap((entry) => {
    const path = relative(ROOT, join(ROOT, directory, entry.name));
    if (!entry.isDirectory()) return [path];
    return MADE.includes(entry.name) ? [] : filesBelow(path);
  });
}

const MADE = ['.git', 'coverage', 'dist', 'node_modules', 'packages'];

/** The code spans of a document, and the lines of its fenced blocks: comments and prompts taken off. */
export function codeOf(markdown: string): readonly string[] {
  const fenced = [...markdown.matchAll(FENCE)].flatMap(([, code = '']) => code.split('\n'));
  const spans = [...markdown.replaceAll(FENCE, '').matchAll(/`([^`]+)`/g)].map(
    ([, code = '']) => code,
  );
  return [...fenced, ...spans].map((code) => code.trim()).filter((code) => !code.startsWith('#'));
}

const FENCE = /^ *```.*\n([\s\S]*?)^ *```$/gm;

/** Headings as GitHub links to them. */
export function anchorsOf(markdown: string): ReadonlySet<string> {
  const headings = [...markdown.replaceAll(FENCE, '').matchAll(/^#+ +(.+)$/gm)];
  return new Set(headings.map(([, heading = '']) => slugOf(heading)));
}

function slugOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');
}

function isThere(path: string): boolean {
  try {
    read(path);
    return true;
  } catch {
    return false;
  }
}
