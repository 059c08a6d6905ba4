import type { Socket } from 'node:net';
import type { ClientRequest } from '../kernel/client-request.ts';
import type { ClientResponse } from '../kernel/client-response.ts';
import { GatewayError } from '../kernel/errors.ts';
import { BadMessage } from '../kernel/wire/bad-message.ts';
import { HeadQueue } from './head-queue.ts';
import { IncomingBody } from './incoming-body.ts';
import { IncomingRequest } from './incoming-request.ts';
import { OutgoingResponse } from './outgoing-response.ts';
import type { RequestHead } from './request-head.ts';
import { WaitingBytes } from './waiting-bytes.ts';

/** What becomes of the requests on a connection. */
export interface ConnectionOptions {
  /** Of one request, up to the blank line. */
  readonly maxHeadBytes: number;
  /** The lines by which an answer says that the connection stays open. */
  readonly keepAlive: string;
  /** The moment, as a `Date` header has it. */
  readonly date: () => string;
  /** @returns what is called once the answer is over, however it ended */
  readonly onRequest: (request: ClientRequest, response: ClientResponse) => () => void;
  /** Bytes that are no request: what is answered. All that comes behind them is ignored. */
  readonly onUnread: (socket: Socket, refusal: GatewayError) => void;
  /** A body that breaks off in nonsense, or with its connection: what is answered, and the end. */
  readonly onBadBody: (socket: Socket, response: ClientResponse, refusal: GatewayError) => void;
  /** The client has ended its side amid an answer. */
  readonly onLeft: (socket: Socket) => void;
}

/** A request that is being answered. */
interface Current {
  readonly body: IncomingBody;
  readonly response: OutgoingResponse;
  readonly onOver: () => void;
}

/** What is read on, once it was found to be no request, so that its sender comes to read our answer: more is a flood. */
const MAX_IGNORED_BYTES = 1024 * 1024;
/** Of requests behind the one that is answered: more would only be a flood that sits in our memory. */
const MAX_PIPELINED_BYTES = 256 * 1024;
/** Of a body that nobody takes yet: the client waits then. */
const MAX_WAITING_BYTES = 64 * 1024;

/** Speaks HTTP/1.1 with a client from now on. */
export function openConnection(socket: Socket, options: ConnectionOptions): void {
  new ClientConnection(socket, options).begin();
}

/**
 * HTTP/1.1 with one client: requests out of bytes, one at a time and in the order in which they came, as Go's server
 * has it. Nothing of the next one is looked at before the answer to this one is sent.
 */
class ClientConnection {
  readonly #socket: Socket;
  readonly #options: ConnectionOptions;
  readonly #waiting = new WaitingBytes();
  readonly #heads: HeadQueue;
  #current: Current | undefined;
  #refusedAt: number | undefined;
  #hasClientEnded = false;
  #isAdvancing = false;
  #isSending = false;

  constructor(socket: Socket, options: ConnectionOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#heads = new HeadQueue(this.#waiting, options.maxHeadBytes);
  }

  begin(): void {
    const socket = this.#socket;
    socket.on('error', () => socket.destroy());
    socket.on('data', (bytes: Buffer) => this.#onData(bytes));
    socket.on('drain', () => this.#current?.response.onDrain?.());
    socket.on('end', () => this.#onClientEnd());
    socket.on('close', () => this.#onClose());
  }

  #onData(bytes: Buffer): void {
    if (this.#refusedAt !== undefined) {
      if (this.#socket.bytesRead - this.#refusedAt > MAX_IGNORED_BYTES) this.#socket.destroy();
      return;
    }
    // The last answer of the connection was handed over.
    if (this.#socket.writableEnded && this.#current === undefined) return;
    this.#waiting.append(bytes);
    this.#advance();
    this.#bound();
  }

  /** What waits has its bounds. */
  #bound(): void {
    if (this.#current === undefined) return;
    const { body } = this.#current;
    const { length } = this.#waiting;
    // Behind our end of the connection it stays where it is: a reset would overtake the answer.
    if (!body.isOver || this.#socket.writableEnded) {
      if (length > MAX_WAITING_BYTES) this.#socket.pause();
    } else if (length > MAX_PIPELINED_BYTES) this.#socket.destroy();
  }

  /** As far as what has come goes. */
  #advance(): void {
    // It is called from within, too; and by those who answer what was refused meanwhile.
    if (this.#isAdvancing || this.#refusedAt !== undefined || this.#socket.destroyed) return;
    this.#isAdvancing = true;
    try {
      while (this.#step());
    } catch (error) {
      if (!(error instanceof BadMessage)) throw error;
      this.#refuse(error);
    } finally {
      this.#isAdvancing = false;
    }
  }

  /** @returns whether there may be another one. @throws BadMessage */
  #step(): boolean {
    const current = this.#current;
    if (current === undefined) return this.#readHead();
    current.body.feed();
    const { response, body } = current;
    // It may have ended its side before this request was begun, or what had come of its body was taken.
    if (this.#hasClientEnded && !response.isEnded && !body.hasArrived) throw endsAmidBody();
    if (!response.isEnded || this.#current !== current) return false;
    if (response.isLast) {
      // Where its body is still coming, the connection ends once enough of that was read (listener/linger.ts).
      if (body.hasArrived && !this.#socket.writableEnded) this.#socket.destroySoon();
      return false;
    }
    if (!body.isOver) return false;
    if (this.#socket.writableLength > 0) {
      this.#advanceOnceSent();
      return false;
    }
    this.#current = undefined;
    response.isClosed = true;
    current.onOver();
    if (this.#waiting.length === 0) return true;
    // Whoever sends many at once does not keep the others waiting.
    setImmediate(() => this.#advance());
    return false;
  }

  #advanceOnceSent(): void {
    if (this.#isSending) return;
    this.#isSending = true;
    this.#socket.write('', () => {
      this.#isSending = false;
      this.#advance();
    });
  }

  #readHead(): boolean {
    if (this.#socket.writableEnded) return false;
    const head = this.#heads.take();
    if (head !== undefined) this.#begin(head);
    else if (this.#hasClientEnded) {
      if (this.#heads.isAmidOne) throw new BadMessage('the connection ends amid a request');
      this.#socket.end();
    }
    return head !== undefined;
  }

  #begin(head: RequestHead): void {
    const socket = this.#socket;
    const body = new IncomingBody(head.length, this.#waiting, this.#onBodyWanted);
    const response = new OutgoingResponse(socket, head, this.#options, this.#onResponseEnd);
    if (this.#hasClientEnded && this.#waiting.length === 0) response.isLast = true;
    // Whatever it does at once is looked at in the next step.
    const onOver = this.#options.onRequest(new IncomingRequest(head, body, socket), response);
    this.#current = { body, response, onOver };
  }

  readonly #onBodyWanted = (): void => {
    if (this.#socket.isPaused()) this.#socket.resume();
    this.#advance();
  };

  readonly #onResponseEnd = (): void => {
    this.#advance();
  };

  #refuse(error: BadMessage): void {
    const current = this.#current;
    this.#refusedAt = this.#socket.bytesRead;
    if (current === undefined) {
      const code = error.isTooLong ? 'headers-too-large' : 'bad-framing';
      this.#options.onUnread(this.#socket, new GatewayError(code));
    } else {
      this.#options.onBadBody(this.#socket, current.response, badBody(error));
    }
  }

  #onClientEnd(): void {
    this.#hasClientEnded = true;
    // All of the last answer was handed over, and the connection ends by itself.
    if (this.#refusedAt !== undefined || this.#socket.writableEnded) return;
    if (this.#current === undefined) {
      this.#advance();
      return;
    }
    const { body, response } = this.#current;
    if (response.isEnded) {
      if (response.isLast) this.#socket.destroySoon();
    } else if (!body.hasArrived) this.#refuse(endsAmidBody());
    else if (response.isBegun) this.#options.onLeft(this.#socket);
    else if (this.#waiting.length === 0) response.isLast = true;
  }

  #onClose(): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    const { body, response } = current;
    response.isClosed = true;
    current.onOver();
    body.break();
    response.onGone?.();
  }
}

function endsAmidBody(): BadMessage {
  return new BadMessage('the connection ends amid a body');
}

function badBody({ isTooLong }: BadMessage): GatewayError {
  if (!isTooLong) return new GatewayError('bad-framing');
  return new GatewayError('body-too-large', {
    message: 'the extensions of the chunks are too long',
  });
}
