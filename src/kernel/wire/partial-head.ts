import { BadMessage } from './bad-message.ts';
import { GrowingBuffer } from './growing-buffer.ts';

/** The blank line behind the last header. */
const HEAD_END = Buffer.from('\r\n\r\n');

const LF = 0x0a;
const CR = 0x0d;

/**
 * A head that has come in one piece, as most do: with the blank line at its end.
 * @returns undefined where it has not, or is too long: PartialHead takes it then, or refuses it
 */
export function wholeHead(bytes: Buffer, from: number, maxBytes: number): string | undefined {
  const found = bytes.indexOf(HEAD_END, from);
  const end = found + HEAD_END.length;
  return found < 0 || end - from > maxBytes ? undefined : bytes.toString('latin1', from, end);
}

/** Throws a BadMessage where what came between two places can be no part of a head, whatever follows. */
export type RefuseEarly = (bytes: Buffer, from: number, to: number) => void;

/** A head that comes in more than one piece. */
export class PartialHead {
  /** With the blank line at its end; undefined as long as that has not come. */
  text: string | undefined;
  readonly #refuseEarly: RefuseEarly;
  readonly #came = new GrowingBuffer();

  /** @param refuseEarly called with all that came so far, and what of it is new: too soon rather than after a long wait */
  constructor(refuseEarly: RefuseEarly) {
    this.#refuseEarly = refuseEarly;
  }

  /** @returns the place behind the bytes that are the head's. @throws BadMessage */
  add(bytes: Buffer, from: number, maxBytes: number): number {
    const before = this.#came.length;
    this.#came.append(bytes, from);
    const all = this.#came.bytes;
    const found = all.indexOf(HEAD_END, Math.max(0, before - 3));
    const end = found < 0 ? all.length : found + HEAD_END.length;
    if (end > maxBytes) throw new BadMessage(`the head is longer than ${maxBytes} bytes`, true);
    this.#refuseEarly(all, before, end);
    if (found < 0) return bytes.length;
    this.text = all.toString('latin1', 0, end);
    return from + end - before;
  }
}

/** Lines end in CR and LF. @throws BadMessage */
export function refuseLooseLines(bytes: Buffer, from: number, to: number): void {
  for (let at = bytes.indexOf(LF, from); at >= 0 && at < to;) {
    if (bytes[at - 1] !== CR) throw new BadMessage('a line of the head ends in a bare LF');
    at = bytes.indexOf(LF, at + 1);
  }
}
