import { GrowingBuffer } from '../kernel/wire/growing-buffer.ts';

/** Smaller ones are copied into one piece of memory: each by itself would take more than its bytes. */
const LARGE_BYTES = 4 * 1024;
const NOTHING = Buffer.alloc(0);

/** What was read of a connection and not used yet. Mostly that is one piece, and nothing is copied. */
export class WaitingBytes {
  #pieces: Buffer[] = [];
  /** Small pieces behind those. */
  #tail: GrowingBuffer | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** What came first, in one piece; it stays as it is, whatever comes later. */
  get first(): Buffer {
    if (this.#pieces.length === 0) this.#endTail();
    return this.#pieces[0] ?? NOTHING;
  }

  /** All of it in one piece, as `first`. */
  get bytes(): Buffer {
    this.#endTail();
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
    return this.first;
  }

  append(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#length += piece.length;
    if (this.#length === piece.length || piece.length >= LARGE_BYTES) {
      this.#endTail();
      this.#pieces.push(piece);
    } else {
      this.#tail ??= new GrowingBuffer();
      this.#tail.append(piece);
    }
  }

  /** So many bytes of `first` are used. */
  drop(count: number): void {
    const { first } = this;
    this.#length -= count;
    if (count < first.length) this.#pieces[0] = first.subarray(count);
    else this.#pieces.shift();
  }

  /** Its memory is written to no more. */
  #endTail(): void {
    if (this.#tail === undefined) return;
    this.#pieces.push(this.#tail.bytes);
    this.#tail = undefined;
  }
}
