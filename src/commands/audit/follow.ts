import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { cannotRead, createSplitter } from './lines.ts';

const PAUSE_MS = 250;
const PIECE_BYTES = 262_144;

/**
 * The lines of a file from its beginning on, and those that are appended, until the signal: through rotations, whether
 * the file is moved away or emptied. An empty list: there are no more at the moment. @throws CommandError
 */
export async function* followLines(
  path: string,
  signal: AbortSignal,
): AsyncGenerator<readonly string[]> {
  let file = open(path);
  let at = 0;
  let splitter = createSplitter();
  const piece = Buffer.alloc(PIECE_BYTES);
  try {
    for (;;) {
      const bytes = readSync(file, piece, 0, PIECE_BYTES, at);
      at += bytes;
      if (bytes > 0) {
        // A copy: what is left of it is kept.
        yield splitter.push(Buffer.from(piece.subarray(0, bytes))).lines;
        continue;
      }
      yield [];
      if (signal.aborted) return;
      await sleep(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      const next = nextOf(path, file, at);
      if (next === undefined) continue;
      // What was written before it was moved away is read to its end.
      if (next !== file && fstatSync(file).size > at) {
        closeSync(next);
        continue;
      }
      if (next !== file) closeSync(file);
      [file, at, splitter] = [next, 0, createSplitter()];
    }
  } finally {
    closeSync(file);
  }
}

/** The file to begin anew in: another one has the path now, or this one was emptied. Undefined: it goes on. */
function nextOf(path: string, file: number, at: number): number | undefined {
  const [now, there] = [fstatSync(file), statSync(path, { throwIfNoEntry: false })];
  if (there === undefined) return undefined;
  if (there.ino === now.ino && there.dev === now.dev) return now.size < at ? file : undefined;
  return open(path);
}

function open(path: string): number {
  try {
    return openSync(path, 'r');
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}
