import type { Socket } from 'node:net';
import { writeBehind } from '../kernel/wire/body-writer.ts';
import type { AnswerHead } from './answer-head.ts';
import { AnswerReader } from './answer-reader.ts';
import type { AnswerSink } from './answer-reader.ts';
import { RequestBody } from './request-body.ts';

/** A request as it is sent. */
export interface Sent {
  readonly method: string;
  /** ISO-8859-1, with the blank line at its end. */
  readonly head: string;
  /** All of it, or as it comes; null where there is none. */
  readonly body: RequestBody | Buffer | null;
  /** True where its answer is the last on the connection. */
  readonly isLast: boolean;
}

/** Who sends a request is told of its answer, in this order; of one failure at most, and of nothing behind it. */
export interface Sender {
  /** The connection stands, and the request is written next. @param wasUsed it had brought answers before */
  onConnect(wasUsed: boolean): void;
  onHead(head: AnswerHead): void;
  /**
   * @param piece lent, for this call; the connection's `keepLent` makes it last
   * @returns false: send no more until `resume`
   */
  onData(piece: Buffer): boolean;
  onComplete(): void;
  /** All that had come by now was told: the end has not come. */
  onPause(): void;
  /** @param hasBegun whether any byte of an answer had come */
  onFailure(error: Error, hasBegun: boolean): void;
}

/** Beyond this, copying a body behind its head costs more than a second piece. */
const MAX_JOINED_BYTES = 4 * 1024;

/** One request on its way over a connection, and its answer. */
export class Crossing implements AnswerSink {
  readonly sender: Sender;
  readonly #sent: Sent;
  /** As long as there is none, nothing may come. */
  #reader: AnswerReader | undefined;
  #isHandedOver = false;
  #isOver = false;
  /** True from where the sender wants no more of the answer for now. */
  isHeldUp = false;

  constructor(sent: Sent, sender: Sender) {
    this.#sent = sent;
    this.sender = sender;
  }

  /** True once any of it may have been written. */
  get isBegun(): boolean {
    return this.#reader !== undefined;
  }

  get hasAnswerBegun(): boolean {
    return this.#reader?.hasBegun === true;
  }

  /** True where the end of the connection is the end of the answer. */
  get endsHere(): boolean {
    return this.#reader?.endsHere() === true;
  }

  /** @param onFailure told where the body comes to no good end */
  write(socket: Socket, onFailure: (error: Error) => void): void {
    const { method, head, body } = this.#sent;
    this.#reader = new AnswerReader(method, this);
    if (body instanceof RequestBody) {
      socket.write(head, 'latin1');
      const onEnd = (): void => {
        this.#isHandedOver = true;
      };
      body.sendTo(socket, { onEnd, onFailure });
      return;
    }
    this.#isHandedOver = true;
    if (body === null) socket.write(head, 'latin1');
    else if (body.length <= MAX_JOINED_BYTES)
      socket.write(head + body.toString('latin1'), 'latin1');
    else writeBehind(socket, head, body);
  }

  /**
   * Reads what came of the answer.
   * @returns how many bytes are behind its end; undefined where that has not come
   * @throws BadMessage
   */
  read(bytes: Buffer): number | undefined {
    if (this.#reader === undefined) throw new Error('BUG: an answer to what was never sent');
    const taken = this.#reader.read(bytes);
    return this.#reader.isWhole ? bytes.length - taken : undefined;
  }

  /** How long the connection may be used again: 0 where not at all, as for a request of which a part was not sent. */
  keepAliveMs(socket: Socket): number {
    const isSent = this.#isHandedOver && socket.writableLength === 0;
    if (!isSent || this.#sent.isLast || this.endsHere) return 0;
    return this.#reader?.keepAliveMs ?? 0;
  }

  /** Its sender is told of nothing more but its end. */
  stop(): void {
    this.#isOver = true;
    if (this.#sent.body instanceof RequestBody) this.#sent.body.stop();
  }

  onHead(head: AnswerHead): void {
    if (!this.#isOver) this.sender.onHead(head);
  }

  onData(piece: Buffer): void {
    if (!this.#isOver && !this.sender.onData(piece)) this.isHeldUp = true;
  }
}
