import { PartialHead, wholeHead } from '../kernel/wire/partial-head.ts';
import { readRequestHead, refuseNonsense } from './request-head.ts';
import type { RequestHead } from './request-head.ts';
import type { WaitingBytes } from './waiting-bytes.ts';

const CR = 0x0d;
const LF = 0x0a;

/** The heads of requests at the beginning of what waits, in whatever pieces they come. */
export class HeadQueue {
  readonly #waiting: WaitingBytes;
  readonly #maxBytes: number;
  #partial: PartialHead | undefined;

  /** @param maxBytes of one head, up to the end of the blank line */
  constructor(waiting: WaitingBytes, maxBytes: number) {
    this.#waiting = waiting;
    this.#maxBytes = maxBytes;
  }

  /** True where some of a head has come, and not all. */
  get isAmidOne(): boolean {
    return this.#partial !== undefined || this.#waiting.length > 0;
  }

  /** @returns undefined as long as not all of it has come. @throws BadMessage */
  take(): RequestHead | undefined {
    const text = this.#partial === undefined ? this.#takeWhole() : undefined;
    const head = text ?? this.#takePartial();
    return head === undefined ? undefined : readRequestHead(head);
  }

  #takeWhole(): string | undefined {
    this.#skipEmptyLines();
    const text = wholeHead(this.#waiting.bytes, 0, this.#maxBytes);
    if (text !== undefined) this.#waiting.drop(text.length);
    return text;
  }

  /** RFC 9112 §2.2: some clients send one behind a body. */
  #skipEmptyLines(): void {
    const { first } = this.#waiting;
    if (first[0] !== CR) return;
    const { bytes } = this.#waiting;
    let at = 0;
    while (bytes[at] === CR && bytes[at + 1] === LF) at += 2;
    this.#waiting.drop(at);
  }

  #takePartial(): string | undefined {
    const { bytes } = this.#waiting;
    // Another byte has to come before it is known whether a line is empty.
    const isHalfLine = this.#partial === undefined && bytes.length === 1 && bytes[0] === CR;
    if (bytes.length === 0 || isHalfLine) return undefined;
    this.#partial ??= new PartialHead(refuseNonsense);
    this.#waiting.drop(this.#partial.add(bytes, 0, this.#maxBytes));
    const { text } = this.#partial;
    if (text !== undefined) this.#partial = undefined;
    return text;
  }
}
