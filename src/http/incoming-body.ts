import type { BodyTaker, ClientBody, ClientBodyLength } from '../kernel/client-request.ts';
import { BadMessage } from '../kernel/wire/bad-message.ts';
import { bodyReader } from '../kernel/wire/body-reader.ts';
import type { BodyReader } from '../kernel/wire/body-reader.ts';
import type { WaitingBytes } from './waiting-bytes.ts';

/** The body of a request: bytes of its connection, as soon as somebody takes them. */
export class IncomingBody implements ClientBody {
  readonly length: ClientBodyLength;
  readonly #waiting: WaitingBytes;
  readonly #onWanted: () => void;
  readonly #reader: BodyReader | undefined;
  #taker: BodyTaker | undefined;
  #takenBytes = 0;
  #isPaused = false;
  #isBroken = false;

  /**
   * @param waiting what has come and belongs to it, and perhaps to what follows
   * @param onWanted called where more of it is wanted
   */
  constructor(length: ClientBodyLength, waiting: WaitingBytes, onWanted: () => void) {
    this.length = length;
    this.#waiting = waiting;
    this.#onWanted = onWanted;
    this.#reader = length === 0 || length === 'unclear' ? undefined : bodyReader(length);
  }

  get isOver(): boolean {
    return this.#reader?.isWhole ?? true;
  }

  get hasArrived(): boolean {
    // What is behind such a head may belong to it.
    if (this.length === 'unclear') return false;
    if (this.#reader === undefined || this.isOver) return true;
    if (typeof this.length === 'number') {
      return this.#waiting.length >= this.length - this.#takenBytes;
    }
    return holdsRest(this.#reader, this.#waiting.bytes);
  }

  get isAwaited(): boolean {
    return this.#isWanted && this.#waiting.length === 0;
  }

  /** Whether somebody takes what comes. */
  get #isWanted(): boolean {
    return this.#taker !== undefined && !this.#isPaused && !this.isOver;
  }

  takeWhole(maxBytes: number): Buffer | undefined {
    const { length } = this;
    const isSmall = (typeof length === 'number' ? length : this.#waiting.length) <= maxBytes;
    if (!isSmall || this.#takenBytes > 0 || this.isOver || !this.hasArrived) return undefined;
    const pieces = this.#read();
    // Perhaps more came behind it than may wait for a body.
    this.#onWanted();
    const [only] = pieces;
    return pieces.length === 1 ? only : Buffer.concat(pieces);
  }

  take(taker: BodyTaker): void {
    if (this.isOver) taker.onEnd();
    else if (this.#isBroken) taker.onBroken();
    else {
      this.#taker = taker;
      this.#isPaused = false;
      this.#onWanted();
    }
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#onWanted();
  }

  leave(): void {
    this.#taker = undefined;
  }

  /** Hands over what has come, where somebody takes it. @throws BadMessage */
  feed(): void {
    if (!this.#isWanted || this.#waiting.length === 0) return;
    for (const piece of joinedWhereSmall(this.#read())) this.#taker?.onData(piece);
    if (!this.isOver) return;
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.onEnd();
  }

  /** No more of it will come. */
  break(): void {
    if (this.isOver || this.#isBroken) return;
    this.#isBroken = true;
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.onBroken();
  }

  /** @returns all pieces before anybody is told: they may ask for more at once */
  #read(): readonly Buffer[] {
    const pieces: Buffer[] = [];
    const pass = (piece: Buffer): void => void pieces.push(piece);
    while (this.#reader !== undefined && !this.isOver && this.#waiting.length > 0) {
      const end = this.#reader.read(this.#waiting.first, 0, pass);
      this.#takenBytes += end;
      this.#waiting.drop(end);
    }
    return pieces;
  }
}

/** Below this, copying pieces costs less than each of them does on its way. */
const SMALL_BYTES = 1024;

/** A body in chunks of a byte each would cost its takers many times what it costs its sender. */
function joinedWhereSmall(pieces: readonly Buffer[]): readonly Buffer[] {
  if (pieces.length <= 1) return pieces;
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  return bytes < SMALL_BYTES * pieces.length ? [Buffer.concat(pieces, bytes)] : pieces;
}

/** Whether these bytes hold the rest of a body, and it is one. */
function holdsRest(body: BodyReader, bytes: Buffer): boolean {
  const reader = body.copy();
  try {
    reader.read(bytes, 0, () => undefined);
  } catch (error) {
    if (error instanceof BadMessage) return false;
    throw error;
  }
  return reader.isWhole;
}
