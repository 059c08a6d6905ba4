import type { Socket } from 'node:net';
import type { ClientResponse } from '../kernel/client-response.ts';
import { lowerName } from '../kernel/header-names.ts';
import { LAST_CHUNK, sizeLine, writeBehind, writeChunk } from '../kernel/wire/body-writer.ts';
import { checkedPart } from '../kernel/wire/head-part.ts';
import type { RequestHead } from './request-head.ts';

/** What every answer says. */
interface Said {
  /** The lines by which it says that the connection stays open. */
  readonly keepAlive: string;
  /** The moment, as a `Date` header has it. */
  readonly date: () => string;
}

/** The answer to one request, on the socket of its client. */
export class OutgoingResponse implements ClientResponse {
  isLast: boolean;
  isClosed = false;
  onDrain: (() => void) | undefined = undefined;
  onGone: (() => void) | undefined = undefined;
  readonly #socket: Socket;
  readonly #head: RequestHead;
  readonly #said: Said;
  readonly #onEnd: () => void;
  #awaitsContinue: boolean;
  #status = 0;
  #isEnded = false;
  #hasBody = true;
  #isChunked = false;
  /** ISO-8859-1 that waits for more to leave with. */
  #held = '';

  /** @param onEnd called once all of it was handed over */
  constructor(socket: Socket, head: RequestHead, said: Said, onEnd: () => void) {
    this.#socket = socket;
    this.#head = head;
    this.#said = said;
    this.#onEnd = onEnd;
    this.isLast = head.isLast;
    this.#awaitsContinue = head.expectsContinue;
  }

  get status(): number {
    return this.#status;
  }

  get isBegun(): boolean {
    return this.#status > 0;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  get backlogBytes(): number {
    return this.#socket.writableLength + this.#held.length;
  }

  get isFull(): boolean {
    return this.#socket.writableNeedDrain && this.#socket.writableLength > 0;
  }

  sendContinue(): void {
    if (!this.#awaitsContinue || this.isBegun) return;
    this.#awaitsContinue = false;
    this.#send('HTTP/1.1 100 Continue\r\n\r\n');
  }

  begin(status: number, reason: string, headers: readonly string[]): void {
    if (this.isBegun) throw new Error('BUG: a second answer to one request');
    this.#status = status;
    this.#hasBody = this.#head.method !== 'HEAD' && status !== 204 && status !== 304;
    let text = `HTTP/1.1 ${status} ${reason}\r\n`;
    let hasLength = false;
    let hasDate = false;
    for (let index = 0; index + 1 < headers.length; index += 2) {
      const name = headers[index] ?? '';
      const lower = lowerName(name);
      hasLength ||= lower === 'content-length';
      hasDate ||= lower === 'date';
      text += `${name}: ${checkedPart(headers[index + 1] ?? '')}\r\n`;
    }
    if (!hasDate) text += `Date: ${this.#said.date()}\r\n`;
    this.#held = `${text}${this.#frame(hasLength)}\r\n`;
  }

  write(piece: Buffer): boolean {
    if (!this.#hasBody || piece.length === 0) return !this.isFull;
    // The connection is about to end.
    if (!this.#socket.writable) return false;
    const write = this.#isChunked ? writeChunk : writeBehind;
    write(this.#socket, this.#takeHeld(), piece);
    return !this.isFull;
  }

  writeSmall(piece: Buffer): boolean {
    if (!this.#hasBody || piece.length === 0) return !this.isFull;
    const text = piece.toString('latin1');
    this.#held += this.#isChunked ? `${sizeLine(piece.length)}${text}\r\n` : text;
    return !this.isFull;
  }

  flush(): void {
    if (this.#held !== '') this.#send(this.#takeHeld());
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    if (this.#isChunked) this.#held += LAST_CHUNK;
    this.flush();
    this.#onEnd();
  }

  /** RFC 9112 §6: how the body ends, and whether the connection goes on behind it. */
  #frame(hasLength: boolean): string {
    const isOpenEnded = this.#hasBody && !hasLength;
    this.#isChunked = isOpenEnded && this.#head.httpVersion === '1.1';
    if (isOpenEnded && !this.#isChunked) this.isLast = true;
    const connection = this.isLast ? 'Connection: close\r\n' : this.#said.keepAlive;
    return this.#isChunked ? `${connection}Transfer-Encoding: chunked\r\n` : connection;
  }

  #takeHeld(): string {
    const held = this.#held;
    this.#held = '';
    return held;
  }

  #send(text: string): void {
    if (this.#socket.writable) this.#socket.write(text, 'latin1');
  }
}
