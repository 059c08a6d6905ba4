import { createReadStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../kernel/errors.ts';
import { CommandError } from '../terminal.ts';

/** A line of an audit log is some hundred bytes, 6 KiB at most; what is longer is none, and is not kept in memory. */
const MAX_LINE_BYTES = 65_536;
const CHUNK_BYTES = 1_048_576;
const NEWLINE = 0x0a;

/** Some lines of a file, and how far it has been read. */
interface Chunk extends Split {
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
  try {
    for await (const split of splitLines(bytes)) yield { ...split, bytesRead: file.bytesRead };
  } catch (cause) {
    throw cannotRead(path, cause);
  } finally {
    file.destroy();
  }
}

/** The lines of a stream, likewise. */
export async function* splitLines(bytes: Readable): AsyncGenerator<Split> {
  const splitter = createSplitter();
  for await (const piece of bytes as AsyncIterable<Buffer>) yield splitter.push(piece);
  const last = splitter.end();
  if (last !== '') yield { lines: [last], tooLong: 0 };
}

interface Split {
  readonly lines: readonly string[];
  /** Lines that were too long to be any. */
  readonly tooLong: number;
}

/** Takes bytes in pieces as they come, and gives the lines that are whole. */
export interface Splitter {
  push(piece: Buffer): Split;
  /** What came behind the last end of a line. */
  end(): string;
}

export function createSplitter(): Splitter {
  let rest: Buffer = Buffer.alloc(0);
  let isSkipping = false;
  return {
    push: (piece) => {
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
      return { lines, tooLong: tooLong + skipped };
    },
    end: () => (isSkipping ? '' : rest.toString('utf8')),
  };
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

/** Why a log cannot be read, and what to do about it. */
export function cannotRead(path: string, cause: unknown): CommandError {
  const reason = messageOf(cause);
  const advice = /^EACCES|^EPERM/.test(reason)
    ? '; run it with sudo, or as the user of the gateway: sudo -u kapgate'
    : '';
  return new CommandError(`cannot read ${JSON.stringify(path)}: ${reason}${advice}`, 1, { cause });
}
