import type { Socket } from 'node:net';
import type { BodyTaker, ClientBody } from '../kernel/client-request.ts';
import { LAST_CHUNK, writeChunk } from '../kernel/wire/body-writer.ts';
import type { SentLength } from './request-head.ts';

interface Told {
  /** All of it is handed over. */
  readonly onEnd: () => void;
  readonly onFailure: (error: Error) => void;
}

/**
 * A request's body on its way to the upstream, piece by piece as it comes, no faster than the upstream takes it. It is
 * cut off from the client's connection: where the upstream answers early, the client is not to be reset for it.
 */
export class RequestBody implements BodyTaker {
  readonly length: SentLength;
  readonly #body: ClientBody;
  readonly #onFirstWanted: () => void;
  #to: Socket | undefined;
  #told: Told | undefined;
  #sentBytes = 0;

  /** @param onFirstWanted called when the upstream is ready for the first byte: now a client may be told to go on */
  constructor(body: ClientBody, length: SentLength, onFirstWanted: () => void) {
    this.#body = body;
    this.length = length;
    this.#onFirstWanted = onFirstWanted;
  }

  /** True while the upstream would take bytes that the client has not sent. */
  get isWaitingForClient(): boolean {
    return this.#to !== undefined && this.#body.isAwaited;
  }

  /** From now on it goes to this socket, behind the head that was written there. */
  sendTo(socket: Socket, told: Told): void {
    this.#to = socket;
    this.#told = told;
    socket.on('drain', this.#onDrain);
    this.#onFirstWanted();
    this.#body.take(this);
  }

  /** Nothing more of it is wanted. */
  stop(): void {
    if (this.#to === undefined) return;
    this.#to.off('drain', this.#onDrain);
    this.#to = undefined;
    this.#body.leave();
  }

  // What follows is called by the client's side.

  onData(piece: Buffer): void {
    if (this.#to === undefined) return;
    this.#sentBytes += piece.length;
    if (this.length === 'chunked') writeChunk(this.#to, '', piece);
    else this.#to.write(piece);
    // Mostly the system has taken all of it at once, also where it is more than Node likes to keep.
    if (this.#to.writableNeedDrain && this.#to.writableLength > 0) this.#body.pause();
  }

  onEnd(): void {
    if (this.length === 'chunked') this.#to?.write(LAST_CHUNK, 'latin1');
    else if (this.#sentBytes !== this.length) {
      this.#told?.onFailure(new Error('BUG: the body is not as long as it was announced'));
      return;
    }
    this.stop();
    this.#told?.onEnd();
  }

  onBroken(): void {
    this.#told?.onFailure(new Error('the client broke off its request'));
  }

  readonly #onDrain = (): void => {
    this.#body.resume();
  };
}
