import type { Readable } from 'node:stream';

const NEWLINE = 0x0a;
/** A line that is longer goes on as it comes. */
const MAX_BYTES = 1024 * 1024;

/** Passes a stream on in whole lines: what several processes say in one place never stands within each other's lines. */
export function passLines(from: Readable, write: (text: string) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  const pass = (bytes: Buffer): void => {
    if (bytes.length > 0) write(bytes.toString());
  };
  from.on('data', (chunk: Buffer) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const end = bytes.length > MAX_BYTES ? bytes.length : bytes.lastIndexOf(NEWLINE) + 1;
    pass(bytes.subarray(0, end));
    rest = bytes.subarray(end);
  });
  from.once('end', () => pass(rest));
  from.on('error', () => undefined);
}
