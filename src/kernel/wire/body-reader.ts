import { BadMessage } from './bad-message.ts';

/** How long a body is: in bytes, or what tells its end. */
export type BodyLength = number | 'chunked' | 'until-close';

/** Takes the bytes of a body apart, in whatever pieces they come. */
export interface BodyReader {
  /** True once the body is whole. */
  readonly isWhole: boolean;
  /** True where the end of the connection is the end of the body. */
  readonly endsWithConnection: boolean;
  /**
   * Passes on what of these bytes is body.
   * @returns the place behind the last byte that belongs to the message
   * @throws BadMessage
   */
  read(bytes: Buffer, from: number, pass: (piece: Buffer) => void): number;
  /** Another one that is as far: what it reads changes nothing here. */
  copy(): BodyReader;
}

/** The reader for a body that is framed this way. */
export function bodyReader(length: BodyLength): BodyReader {
  switch (length) {
    case 'chunked':
      return new Chunks();
    case 'until-close':
      return UNTIL_CLOSE;
    default:
      return new KnownLength(length);
  }
}

class KnownLength implements BodyReader {
  readonly endsWithConnection = false;
  #left: number;

  constructor(length: number) {
    this.#left = length;
  }

  get isWhole(): boolean {
    return this.#left === 0;
  }

  read(bytes: Buffer, from: number, pass: (piece: Buffer) => void): number {
    const end = Math.min(bytes.length, from + this.#left);
    this.#left -= end - from;
    if (end > from) pass(bytes.subarray(from, end));
    return end;
  }

  copy(): KnownLength {
    return new KnownLength(this.#left);
  }
}

const UNTIL_CLOSE: BodyReader = {
  isWhole: false,
  endsWithConnection: true,
  read: (bytes, from, pass) => {
    if (bytes.length > from) pass(bytes.subarray(from));
    return bytes.length;
  },
  copy: () => UNTIL_CLOSE,
};

/** With extensions; nobody sends any. */
const MAX_SIZE_LINE = 256;
/** All trailers together: they are dropped. */
const MAX_TRAILER_BYTES = 16 * 1024;

const LF = 0x0a;
/** RFC 9112 §7.1, without the blanks that it lets a reader tolerate; 13 digits are below 2^53. */
const SIZE_LINE =
  /^[\dA-Fa-f]{1,13}(?:;[!#$%&'*+\-.^_`|~\w]+(?:=(?:[!#$%&'*+\-.^_`|~\w]+|"[\t\x20\x21\x23-\x5b\x5d-\x7e]*"))?)*$/;
const TRAILER =
  /^(?!(?:content-length|transfer-encoding):)[!#$%&'*+\-.^_`|~\w]+:[\t\x20-\x7e\x80-\xff]*$/i;

class Chunks implements BodyReader {
  readonly endsWithConnection = false;
  #next: 'size' | 'data' | 'data-end' | 'trailer' | 'nothing' = 'size';
  /** Of the chunk that is being read. */
  #left = 0;
  /** What has come of a line. */
  #line = '';
  #trailerBytes = 0;

  get isWhole(): boolean {
    return this.#next === 'nothing';
  }

  read(bytes: Buffer, from: number, pass: (piece: Buffer) => void): number {
    let at = from;
    while (at < bytes.length && this.#next !== 'nothing') {
      at = this.#next === 'data' ? this.#readData(bytes, at, pass) : this.#readLine(bytes, at);
    }
    return at;
  }

  copy(): Chunks {
    const copy = new Chunks();
    copy.#next = this.#next;
    copy.#left = this.#left;
    copy.#line = this.#line;
    copy.#trailerBytes = this.#trailerBytes;
    return copy;
  }

  #readData(bytes: Buffer, from: number, pass: (piece: Buffer) => void): number {
    const end = Math.min(bytes.length, from + this.#left);
    this.#left -= end - from;
    if (this.#left === 0) this.#next = 'data-end';
    pass(bytes.subarray(from, end));
    return end;
  }

  /** A line may come in pieces; too long a one is refused before its end has come. */
  #readLine(bytes: Buffer, from: number): number {
    const found = bytes.indexOf(LF, from);
    const end = found < 0 ? bytes.length : found + 1;
    if (this.#line.length + end - from > this.#maxLine()) {
      if (this.#next === 'data-end') throw longerThanSize();
      throw new BadMessage('too long a chunk line', true);
    }
    this.#line += bytes.toString('latin1', from, end);
    if (found >= 0) {
      if (!this.#line.endsWith('\r\n')) throw new BadMessage('a chunk line that ends in a bare LF');
      const line = this.#line.slice(0, -2);
      this.#line = '';
      this.#take(line);
    }
    return end;
  }

  #maxLine(): number {
    switch (this.#next) {
      case 'data-end':
        return 2;
      case 'trailer':
        return MAX_TRAILER_BYTES - this.#trailerBytes;
      case 'size':
      case 'data':
      case 'nothing':
        return MAX_SIZE_LINE;
    }
  }

  #take(line: string): void {
    switch (this.#next) {
      case 'size':
        if (!SIZE_LINE.test(line)) throw new BadMessage('a chunk without a proper size');
        this.#left = Number.parseInt(line, 16);
        this.#next = this.#left === 0 ? 'trailer' : 'data';
        return;
      case 'data-end':
        if (line !== '') throw longerThanSize();
        this.#next = 'size';
        return;
      case 'trailer':
        this.#takeTrailer(line);
        return;
      case 'data':
      case 'nothing':
        throw new Error('BUG: a line where none is read');
    }
  }

  #takeTrailer(line: string): void {
    if (line === '') {
      this.#next = 'nothing';
      return;
    }
    if (!TRAILER.test(line)) throw new BadMessage('a trailer that is no header');
    this.#trailerBytes += line.length + 2;
  }
}

function longerThanSize(): BadMessage {
  return new BadMessage('a chunk longer than its size');
}
