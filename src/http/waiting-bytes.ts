import { GrowingBuffer } from '../kernel/wire/growing-buffer.ts';

const NOTHING = Buffer.alloc(0);

/** What was read of a connection and not used yet. Mostly that is one piece, and nothing is copied. */
export class WaitingBytes {
  #only: Buffer = NOTHING;
  #joined: GrowingBuffer | undefined;

  get length(): number {
    return this.#joined?.length ?? this.#only.length;
  }

  /** All of it; it stays as it is, whatever comes later. */
  get bytes(): Buffer {
    return this.#joined?.bytes ?? this.#only;
  }

  append(piece: Buffer): void {
    if (this.length === 0) {
      this.#only = piece;
      return;
    }
    if (this.#joined === undefined) {
      this.#joined = new GrowingBuffer();
      this.#joined.append(this.#only);
    }
    this.#joined.append(piece);
  }

  /** The first so many are used. */
  drop(count: number): void {
    // The memory is given away with what was used: the rest of it is written to no more.
    const rest = this.bytes.subarray(count);
    this.#only = rest.length === 0 ? NOTHING : rest;
    this.#joined = undefined;
  }
}
