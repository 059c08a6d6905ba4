import type { Socket } from 'node:net';

/** The headers of a request by their names in lower case; of one that stands twice, the values in one list. */
export interface RequestHeaders {
  readonly [name: string]: string | undefined;
  readonly authorization?: string | undefined;
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/** What a client asks, up to its body. */
export interface ClientRequest {
  readonly method: string;
  /** The request-target, as it was sent. */
  readonly url: string;
  /** `1.1` or `1.0`; anything else is to be refused. */
  readonly httpVersion: string;
  /** Name and value in turn, as they were sent. */
  readonly rawHeaders: readonly string[];
  readonly headers: RequestHeaders;
  readonly body: ClientBody;
  readonly socket: Socket;
}

/** How long a body is: in bytes, or only known at its end; `unclear` where two readers may disagree: to be refused. */
export type ClientBodyLength = number | 'chunked' | 'unclear';

/** The body of a request on its way from the client. Nothing of it is read until somebody takes it. */
export interface ClientBody {
  readonly length: ClientBodyLength;
  /** True where all of it has come, taken or not. */
  readonly hasArrived: boolean;
  /** True where all of it was taken. */
  readonly isOver: boolean;
  /** True while whoever takes it would take more, and nothing comes. */
  readonly isAwaited: boolean;
  /** All of it, where it has come and is no longer than this: it is taken then. Undefined otherwise. */
  takeWhole(maxBytes: number): Buffer | undefined;
  /** From now on it goes here, what has come already at once. There is one taker at a time. */
  take(taker: BodyTaker): void;
  pause(): void;
  resume(): void;
  /** Nobody takes it any more, for now. */
  leave(): void;
}

/** Who takes a body is told of it in pieces, and of one end. */
export interface BodyTaker {
  /** @param piece may be kept */
  onData(piece: Buffer): void;
  onEnd(): void;
  /** The client has broken it off, or what it sent is no body. */
  onBroken(): void;
}
