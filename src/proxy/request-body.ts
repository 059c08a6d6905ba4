import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';

/**
 * A request's body as undici may have it: read only when it asks, and cut off from the client's connection.
 * (undici destroys the body when the upstream answers early; destroying the request would reset the client.)
 */
export class RequestBody extends Readable {
  readonly #request: IncomingMessage;
  readonly #onFirstRead: () => void;
  #isAttached = false;

  /** @param onFirstRead called when the upstream is ready for the first byte: now a client may be told to go on */
  constructor(request: IncomingMessage, onFirstRead: () => void) {
    super();
    this.#request = request;
    this.#onFirstRead = onFirstRead;
  }

  /** True while the upstream asks for bytes that the client has not sent. */
  get isWaitingForClient(): boolean {
    return this.#isAttached && !this.#request.isPaused() && !this.#request.complete;
  }

  override _read(): void {
    if (this.#isAttached) {
      this.#request.resume();
      return;
    }
    this.#isAttached = true;
    this.#request.on('data', this.#onData).on('end', this.#onEnd).on('close', this.#onClose);
    this.#onFirstRead();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    this.#request.off('data', this.#onData).off('end', this.#onEnd).off('close', this.#onClose);
    this.#request.pause();
    callback(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    if (!this.push(chunk)) this.#request.pause();
  };

  readonly #onEnd = (): void => {
    this.push(null);
  };

  readonly #onClose = (): void => {
    if (!this.#request.complete) this.destroy(new Error('the client broke off its request'));
  };
}
