import { bodyReader } from './answer-body.ts';
import type { BodyReader } from './answer-body.ts';
import { BadAnswer, readAnswerHead } from './answer-head.ts';
import type { AnswerHead } from './answer-head.ts';

/** Who is told of an answer as it comes. */
export interface AnswerSink {
  /** The final head: interim ones are left out. */
  onHead(head: AnswerHead): void;
  /** @param piece lent: what it holds may be something else later */
  onData(piece: Buffer): void;
}

/** All heads of one answer together, the interim ones too: so these are bounded in number as well. */
const MAX_HEAD_BYTES = 256 * 1024;
const HEAD_END = Buffer.from('\r\n\r\n');
const HEAD_START = 'HTTP/1.';

/** Reads one answer from the bytes of a connection, in whatever pieces they come. */
export class AnswerReader {
  readonly #method: string;
  readonly #sink: AnswerSink;
  readonly #pass: (piece: Buffer) => void;
  #hasBegun = false;
  #headBytes = 0;
  #partialHead: PartialHead | undefined;
  #body: BodyReader | undefined;
  #keepAliveMs = 0;

  /** @param method of the request that it answers */
  constructor(method: string, sink: AnswerSink) {
    this.#method = method;
    this.#sink = sink;
    this.#pass = (piece) => {
      sink.onData(piece);
    };
  }

  /** True from its first byte on, be it an interim answer's or a broken one's. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  get isWhole(): boolean {
    return this.#body?.isWhole === true;
  }

  /** How long the connection may be used again, where it ends behind this answer: as its head says. */
  get keepAliveMs(): number {
    return this.#keepAliveMs;
  }

  /** @returns how many of the bytes belong to the answer; what is behind is nobody's. @throws BadAnswer */
  read(bytes: Buffer): number {
    this.#hasBegun = true;
    let at = 0;
    while (this.#body === undefined) {
      if (at === bytes.length) return at;
      at = this.#readHead(bytes, at);
    }
    return this.#body.read(bytes, at, this.#pass);
  }

  /** The connection has come to an orderly end: whether that ends the answer as well. */
  endsHere(): boolean {
    return this.#body?.endsWithConnection === true;
  }

  #readHead(bytes: Buffer, from: number): number {
    // Mostly it comes in one piece.
    const found = this.#partialHead === undefined ? bytes.indexOf(HEAD_END, from) : -1;
    if (found >= 0) {
      const end = found + HEAD_END.length;
      this.#takeHead(bytes.toString('latin1', from, end));
      return end;
    }
    this.#partialHead ??= new PartialHead();
    const end = this.#partialHead.add(bytes, from, MAX_HEAD_BYTES - this.#headBytes);
    const { text } = this.#partialHead;
    if (text === undefined) return bytes.length;
    this.#partialHead = undefined;
    this.#takeHead(text);
    return end;
  }

  #takeHead(text: string): void {
    this.#headBytes += text.length;
    if (this.#headBytes > MAX_HEAD_BYTES) throw tooLong();
    const head = readAnswerHead(text, this.#method);
    if (head.status >= 200) {
      this.#keepAliveMs = head.keepAliveMs;
      this.#body = bodyReader(head.body);
      this.#sink.onHead(head);
      return;
    }
    // Neither was asked for: Expect and Upgrade are never sent.
    if (head.status <= 101) throw new BadAnswer(`an answer ${head.status} that nobody asked for`);
  }
}

const LF = 0x0a;
const CR = 0x0d;
const FIRST_BYTES = 4 * 1024;

/** A head that comes in more than one piece. */
class PartialHead {
  /** With the blank line at its end; undefined as long as that has not come. */
  text: string | undefined;
  #bytes = Buffer.alloc(FIRST_BYTES);
  #length = 0;

  /** @returns the place behind the bytes that are the head's. @throws BadAnswer, too soon rather than after a long wait */
  add(bytes: Buffer, from: number, maxBytes: number): number {
    const before = this.#length;
    this.#append(bytes, from);
    const found = this.#bytes.subarray(0, this.#length).indexOf(HEAD_END, Math.max(0, before - 3));
    const end = found < 0 ? this.#length : found + HEAD_END.length;
    if (end > maxBytes) throw tooLong();
    this.#refuseOther(before, end);
    if (found < 0) return bytes.length;
    this.text = this.#bytes.toString('latin1', 0, end);
    return from + end - before;
  }

  #append(bytes: Buffer, from: number): void {
    const needed = this.#length + bytes.length - from;
    if (needed > this.#bytes.length) {
      const larger = Buffer.alloc(Math.max(needed, 2 * this.#bytes.length));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    bytes.copy(this.#bytes, this.#length, from);
    this.#length = needed;
  }

  /** What speaks another protocol may never send a blank line. */
  #refuseOther(from: number, to: number): void {
    if (from < HEAD_START.length) {
      const start = this.#bytes.toString('latin1', 0, Math.min(to, HEAD_START.length));
      if (!HEAD_START.startsWith(start)) throw new BadAnswer('the status line is none of HTTP/1.1');
    }
    for (let at = this.#bytes.indexOf(LF, from); at >= 0 && at < to;) {
      if (this.#bytes[at - 1] !== CR) throw new BadAnswer('a line of the head ends in a bare LF');
      at = this.#bytes.indexOf(LF, at + 1);
    }
  }
}

function tooLong(): BadAnswer {
  return new BadAnswer(`the head is longer than ${MAX_HEAD_BYTES} bytes`);
}
