import type { Readable, Writable } from 'node:stream';

const NEWLINE = 0x0a;
/** A line that is longer goes on as it comes. */
const MAX_BYTES = 1024 * 1024;

/**
 * Passes a stream on in whole lines: what several processes say in one place never stands within each other's lines.
 * No faster than it is taken: who speaks has a bound of its own.
 */
export function passLines(from: Readable, to: Pick<Writable, 'write'>): void {
  let rest: Buffer = Buffer.alloc(0);
  const pass = (bytes: Buffer): void => {
    if (bytes.length === 0) return;
    // Called where it fails too: what comes next may be taken again.
    if (!to.write(bytes, () => from.resume())) from.pause();
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
