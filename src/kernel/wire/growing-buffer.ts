const FIRST_BYTES = 4 * 1024;

/** Bytes that come in pieces, however small, in one piece of memory that doubles when it is full. */
export class GrowingBuffer {
  #bytes: Buffer;
  #length = 0;

  constructor(firstBytes = FIRST_BYTES) {
    this.#bytes = Buffer.allocUnsafeSlow(firstBytes);
  }

  get length(): number {
    return this.#length;
  }

  /** All that has come: a view, good until the next `append`. */
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  append(bytes: Buffer, from = 0): void {
    const needed = this.#length + bytes.length - from;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#length, from);
    this.#length = needed;
  }
}
