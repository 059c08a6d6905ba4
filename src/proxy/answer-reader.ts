import { BadMessage } from '../kernel/wire/bad-message.ts';
import { bodyReader } from '../kernel/wire/body-reader.ts';
import type { BodyReader } from '../kernel/wire/body-reader.ts';
import { PartialHead, refuseLooseLines, wholeHead } from '../kernel/wire/partial-head.ts';
import { readAnswerHead } from './answer-head.ts';
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

  /** @returns how many of the bytes belong to the answer; what is behind is nobody's. @throws BadMessage */
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
    const maxBytes = MAX_HEAD_BYTES - this.#headBytes;
    const whole = this.#partialHead === undefined ? wholeHead(bytes, from, maxBytes) : undefined;
    if (whole !== undefined) {
      this.#takeHead(whole);
      return from + whole.length;
    }
    this.#partialHead ??= new PartialHead(refuseOther);
    const end = this.#partialHead.add(bytes, from, maxBytes);
    const { text } = this.#partialHead;
    if (text === undefined) return bytes.length;
    this.#partialHead = undefined;
    this.#takeHead(text);
    return end;
  }

  #takeHead(text: string): void {
    this.#headBytes += text.length;
    const head = readAnswerHead(text, this.#method);
    if (head.status >= 200) {
      this.#keepAliveMs = head.keepAliveMs;
      this.#body = bodyReader(head.body);
      this.#sink.onHead(head);
      return;
    }
    // Neither was asked for: Expect and Upgrade are never sent.
    if (head.status <= 101) throw new BadMessage(`an answer ${head.status} that nobody asked for`);
  }
}

/** What speaks another protocol may never send a blank line. */
function refuseOther(bytes: Buffer, from: number, to: number): void {
  if (from < HEAD_START.length) {
    const start = bytes.toString('latin1', 0, Math.min(to, HEAD_START.length));
    if (!HEAD_START.startsWith(start)) throw new BadMessage('the status line is none of HTTP/1.1');
  }
  refuseLooseLines(bytes, from, to);
}
