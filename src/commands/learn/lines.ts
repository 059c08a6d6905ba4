import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../kernel/errors.ts';
import { CommandError } from '../terminal.ts';

/** A line of an audit log is some hundred bytes, 6 KiB at most; what is longer is none, and is not kept in memory. */
const MAX_LINE_BYTES = 65_536;
const CHUNK_BYTES = 1_048_576;
const NEWLINE = 0x0a;

/** Some lines of a file, and how far it has been read. */
export interface Chunk {
  readonly lines: readonly string[];
  /** Lines that were too long to be any. */
  readonly tooLong: number;
  readonly bytesRead: number;
}

/** The size of a file as it lies on the disk. @throws CommandError */
export function sizeOf(path: string): number {
  try {
    return statSync(path).size;
  } catch (cause) {
    throw cannotRead(path, cause);
  }
}

/** Reads a file line by line, unpacked where its name ends in .gz, with a bounded part of it in memory. @throws CommandError */
export async function* readLines(path: string): AsyncGenerator<Chunk> {
  const file = createReadStream(path, { highWaterMark: CHUNK_BYTES });
  // The one that is read tells of failures of both.
  const bytes = path.endsWith('.gz') ? pipeline(file, createGunzip(), () => undefined) : file;
  let rest: Buffer = Buffer.alloc(0);
  let isSkipping = false;
  try {
    for await (const piece of bytes as AsyncIterable<Buffer>) {
      const whole = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      const { lines, end, tooLong } = split(whole, isSkipping);
      rest = whole.subarray(end);
      isSkipping = end === 0 ? isSkipping : false;
      let skipped = 0;
      if (rest.length > MAX_LINE_BYTES) {
        if (!isSkipping) skipped = 1;
        isSkipping = true;
        rest = Buffer.alloc(0);
      }
      yield { lines, tooLong: tooLong + skipped, bytesRead: file.bytesRead };
    }
  } catch (cause) {
    throw cannotRead(path, cause);
  } finally {
    file.destroy();
  }
  const last = isSkipping ? '' : rest.toString('utf8');
  if (last !== '') yield { lines: [last], tooLong: 0, bytesRead: file.bytesRead };
}

/** @param isSkipping the first line is the end of one that is too long */
function split(
  bytes: Buffer,
  isSkipping: boolean,
): { readonly lines: readonly string[]; readonly end: number; readonly tooLong: number } {
  const lines: string[] = [];
  let tooLong = 0;
  let start = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, start)) {
    const isTail = isSkipping && start === 0;
    const isLong = at - start > MAX_LINE_BYTES;
    if (isLong && !isTail) tooLong += 1;
    if (!isLong && !isTail && at > start) lines.push(bytes.toString('utf8', start, at));
    start = at + 1;
  }
  return { lines, end: start, tooLong };
}

function cannotRead(path: string, cause: unknown): CommandError {
  return new CommandError(`cannot read ${JSON.stringify(path)}: ${messageOf(cause)}`, 1, { cause });
}
