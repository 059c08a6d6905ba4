import type { Socket } from 'node:net';
import { Crossing } from './crossing.ts';
import type { Sender, Sent } from './crossing.ts';
import type { Departures } from './departures.ts';
import type { Dial } from './dial.ts';

/** An answer that comes in many large pieces costs a call for each. */
const READ_BYTES = 64 * 1024;

/**
 * One connection to the upstream, for one request at a time: HTTP/1.1 over a socket, opened with the first request and
 * again after it was closed. Bytes that belong to no request close it: nothing of them reaches another one.
 */
export class Connection {
  /** Host and port of the upstream, as requests name it. */
  readonly host: string;
  readonly #dial: Dial;
  readonly #departures: Departures;
  #socket: Socket | undefined;
  #isOpen = false;
  /** Answers since the socket was opened: after the first, a reset may only mean that it was idle. */
  #answers = 0;
  #crossing: Crossing | undefined;
  /** What the socket reads into, again and again. */
  #buffer: Buffer | undefined;
  /** How much longer it may stay open without a request. */
  #idleMsLeft = 0;

  constructor(dial: Dial, departures: Departures) {
    this.host = dial.host;
    this.#dial = dial;
    this.#departures = departures;
  }

  /** Sends a request; the one before must have come to its end. */
  send(sent: Sent, sender: Sender): void {
    if (this.#crossing !== undefined) throw new Error('BUG: two requests on one connection');
    const crossing = new Crossing(sent, sender);
    this.#crossing = crossing;
    if (this.#isOpen) this.#departures.add(() => this.#depart(crossing));
    else this.#open();
  }

  /**
   * Gives up this sender's request, which fails with this error, and the socket where any of it was written.
   * Nothing where it is over: the connection may be another's by now.
   */
  abort(sender: Sender, error: Error): void {
    if (this.#crossing?.sender !== sender) return;
    if (!this.#crossing.isBegun && this.#isOpen) this.#end(error);
    else this.#fail(error);
  }

  /** After `onData` of this sender said false: goes on. */
  resume(sender: Sender): void {
    if (this.#crossing?.sender !== sender || !this.#crossing.isHeldUp) return;
    this.#crossing.isHeldUp = false;
    this.#socket?.resume();
  }

  /** The piece that was lent last is still in use: its memory is given away with it, and the socket gets another. */
  keepLent(): void {
    this.#buffer = undefined;
  }

  /** So much more time has passed without a request. */
  age(ms: number): void {
    this.#idleMsLeft -= ms;
    if (this.#idleMsLeft <= 0) this.close();
  }

  /** Closes the socket; the next request would open another. */
  close(): void {
    this.#fail(new Error('the connection was closed'));
  }

  #open(): void {
    try {
      const socket = this.#dial.open({
        buffer: () => (this.#buffer ??= Buffer.allocUnsafeSlow(READ_BYTES)),
        onBytes: (length, from) => from === this.#socket && this.#onBytes(length, from),
        onOpen: (opened) => this.#onOpen(opened),
      });
      this.#socket = socket;
      this.#answers = 0;
      socket.on('error', (error) => this.#onSocketEnd(socket, error));
      socket.on('end', () => this.#onUpstreamEnd(socket));
      socket.on('close', () => this.#onSocketEnd(socket, new Error('the connection was closed')));
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  #onOpen(socket: Socket): void {
    if (socket !== this.#socket || this.#crossing === undefined) return;
    this.#isOpen = true;
    this.#write(socket, this.#crossing);
  }

  /** All that had come before was read, and may have ended the connection. */
  #depart(crossing: Crossing): void {
    if (this.#crossing !== crossing) return;
    if (this.#socket !== undefined && this.#isOpen) this.#write(this.#socket, crossing);
    else this.#open();
  }

  #write(socket: Socket, crossing: Crossing): void {
    try {
      crossing.sender.onConnect(this.#answers > 0);
      // It may have given up at that.
      if (this.#crossing !== crossing) return;
      crossing.write(socket, (error) => this.#fail(error));
    } catch (error) {
      this.#fail(asError(error));
    }
  }

  /** @returns false: read no more for now */
  #onBytes(length: number, socket: Socket): boolean {
    const crossing = this.#crossing;
    if (crossing?.isBegun !== true || this.#buffer === undefined) {
      // An answer to no request.
      this.#drop();
      return false;
    }
    try {
      const excess = crossing.read(this.#buffer.subarray(0, length));
      // Given up at what was read.
      if (this.#crossing !== crossing) return false;
      if (excess !== undefined) this.#complete(socket, crossing, excess > 0);
      else crossing.sender.onPause();
    } catch (error) {
      this.#fail(asError(error));
      return false;
    }
    return !crossing.isHeldUp;
  }

  /** @param hasExcess bytes came behind the answer: the connection is not to be trusted any more */
  #complete(socket: Socket, crossing: Crossing, hasExcess: boolean): void {
    this.#answers++;
    this.#idleMsLeft = crossing.keepAliveMs(socket);
    this.#crossing = undefined;
    crossing.stop();
    if (this.#idleMsLeft === 0 || hasExcess) this.#drop();
    else if (crossing.isHeldUp) socket.resume();
    crossing.isHeldUp = false;
    crossing.sender.onComplete();
  }

  /** The upstream has ended its side: for some answers that is how they end. */
  #onUpstreamEnd(socket: Socket): void {
    if (socket === this.#socket && this.#crossing?.endsHere === true) {
      this.#complete(socket, this.#crossing, false);
    } else {
      this.#onSocketEnd(socket, new Error('the upstream closed the connection'));
    }
  }

  #onSocketEnd(socket: Socket, error: Error): void {
    if (socket !== this.#socket) return;
    // Of what has not departed nothing is lost: it opens another.
    if (this.#isOpen && this.#crossing?.isBegun !== true) this.#drop();
    else this.#fail(error);
  }

  #fail(error: Error): void {
    this.#drop();
    this.#end(error);
  }

  #end(error: Error): void {
    const crossing = this.#crossing;
    this.#crossing = undefined;
    crossing?.stop();
    crossing?.sender.onFailure(error, crossing.hasAnswerBegun);
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#isOpen = false;
    this.#buffer = undefined;
    socket?.destroy();
  }
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}
