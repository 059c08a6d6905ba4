import { messageOf } from '../kernel/errors.ts';

/** Reads a text file. @throws as node:fs does, with `code`. */
export type ReadFile = (path: string) => string;

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'permission denied; run it with sudo, or as the user of the gateway (sudo -u kapgate)',
  EISDIR: 'it is a directory',
};

/** The text of a file, or why there is none. */
export function readText(
  readFile: ReadFile,
  path: string,
): { readonly text: string } | { readonly refused: string; readonly missing: boolean } {
  try {
    return { text: readFile(path) };
  } catch (error) {
    const code = codeOf(error);
    const missing = code === 'ENOENT' || code === 'ENOTDIR';
    return { refused: REASONS[code] ?? messageOf(error), missing };
  }
}

function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
