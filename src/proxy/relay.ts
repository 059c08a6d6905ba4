import type { ClientResponse } from '../kernel/client-response.ts';
import { GatewayError, messageOf } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';
import type { Target } from '../kernel/target.ts';
import type { AnswerHead } from './answer-head.ts';
import type { Connection } from './connection.ts';
import type { Sender } from './crossing.ts';
import { NOT_LOOKED_AT } from './patience.ts';
import type { Transfer, Wait } from './patience.ts';
import { RequestBody } from './request-body.ts';
import { endsConnection, requestHead } from './request-head.ts';
import { responseHead } from './response-headers.ts';

/**
 * Kapacitor stops as a whole while one reader of its log does not read, so a log is always drained, and a reader
 * who is further behind than this is cut.
 */
const MAX_LOG_BACKLOG_BYTES = 4 * 1024 * 1024;

/** Beyond this, copying costs more than a second piece. */
const MAX_JOINED_BYTES = 4096;

/** One request on its way to Kapacitor and its answer on the way back: streamed, with back-pressure both ways. */
export class Relay implements Sender, Transfer {
  lastLook = NOT_LOOKED_AT;
  watchedAt: number | undefined = undefined;
  readonly #exchange: Exchange;
  readonly #isLogStream: boolean;
  readonly #onHead: (tookMs: number) => void;
  #sentMs = 0;
  readonly #response: ClientResponse;
  readonly #body: RequestBody | Buffer | null;
  #connection: Connection | undefined;
  #isConnected = false;
  #resolve: () => void = nothing;
  #reject: (error: unknown) => void = nothing;
  #isClientGone = false;
  #givenUp: GatewayError | undefined;
  #wasReused = false;
  #hasAnswerBegun = false;

  /** @param onHead told how long the head of the answer took */
  constructor(exchange: Exchange, isLogStream: boolean, onHead: (tookMs: number) => void) {
    this.#exchange = exchange;
    this.#onHead = onHead;
    this.#isLogStream = isLogStream;
    this.#response = exchange.response;
    this.#body = openBody(exchange);
  }

  /**
   * Sends the request, and resolves once its whole answer was passed on.
   * @throws GatewayError client-gone, slow-client, upstream-unreachable, upstream-broken, upstream-timeout
   */
  run(connection: Connection, { method, sent }: Target, headers: string[]): Promise<void> {
    this.#connection = connection;
    return new Promise((resolve, reject) => {
      // Its client may have left while it was authenticated, or waited for a connection.
      if (this.#response.isClosed) {
        reject(new GatewayError('client-gone'));
        return;
      }
      const body = this.#body;
      const length = body?.length ?? 0;
      const head = requestHead({ method, path: sent, host: connection.host, headers, length });
      const isLast = endsConnection({ method, length });
      this.#resolve = resolve;
      this.#reject = reject;
      this.#response.onGone = this.#onClientClose;
      this.#response.onDrain = this.#onDrain;
      this.#sentMs = performance.now();
      connection.send({ method, head, body, isLast }, this);
    });
  }

  /** True where a connection that had been idle was closed under a bodiless request, before any of the answer came. */
  wasCutWhileIdle(error: unknown): boolean {
    const wasCut = error instanceof GatewayError && error.code === 'upstream-broken';
    return wasCut && this.#wasReused && this.#body === null && !this.#hasAnswerBegun;
  }

  currentWait(): Wait {
    const { socket } = this.#exchange.request;
    if (this.#body instanceof RequestBody && this.#body.isWaitingForClient) {
      return { for: 'client-bytes', progress: socket.bytesRead };
    }
    if (this.#response.isFull) {
      return { for: 'client-reading', progress: socket.bytesWritten - socket.writableLength };
    }
    if (this.#response.isBegun) return { for: 'nobody', progress: 0 };
    // While Kapacitor takes a long body, its answer is not due yet.
    return { for: 'upstream-head', progress: socket.bytesRead };
  }

  giveUp(error: GatewayError): void {
    this.#givenUp = error;
    this.#connection?.abort(this, error);
  }

  // What follows is called by the connection, in this order.

  onConnect(wasUsed: boolean): void {
    this.#isConnected = true;
    this.#wasReused = wasUsed;
  }

  onHead(answer: AnswerHead): void {
    this.#onHead(performance.now() - this.#sentMs);
    const head = responseHead(answer.headers, this.#exchange);
    if (head.upstreamRequestId !== undefined) {
      this.#exchange.upstreamRequestId = head.upstreamRequestId;
    }
    // Kapacitor answered before it had the whole body: what is still on its way must not become a next request.
    if (!this.#exchange.request.body.hasArrived) this.#response.isLast = true;
    this.#response.begin(answer.status, reasonPhrase(answer.reason), head.headers);
  }

  /** @returns false: wait until the client has read */
  onData(piece: Buffer): boolean {
    if (this.#write(piece)) return true;
    if (!this.#isLogStream) return false;
    if (this.#response.backlogBytes > MAX_LOG_BACKLOG_BYTES) {
      const message = 'the reader of the log stream fell too far behind';
      this.giveUp(new GatewayError('slow-client', { message }));
    }
    return true;
  }

  onComplete(): void {
    this.#detach();
    this.#exchange.finish();
    this.#resolve();
  }

  /** What came with the head leaves with it; the head of a silent stream leaves alone. */
  onPause(): void {
    this.#response.flush();
  }

  onFailure(error: Error, hasAnswerBegun: boolean): void {
    this.#hasAnswerBegun = hasAnswerBegun;
    this.#detach();
    this.#reject(this.#endFor(error));
  }

  readonly #onDrain = (): void => {
    this.#connection?.resume(this);
  };

  #write(piece: Buffer): boolean {
    if (piece.length <= MAX_JOINED_BYTES) return this.#response.writeSmall(piece);
    // Who is far behind may have many small ones waiting: each in memory of its own size.
    if (this.#isLogStream) return this.#response.write(Buffer.from(piece));
    const isFree = this.#response.write(piece);
    // Mostly the system has taken all of it at once.
    if (this.#response.backlogBytes > 0) this.#connection?.keepLent();
    return isFree;
  }

  readonly #onClientClose = (): void => {
    this.#isClientGone = true;
    this.#connection?.abort(this, new GatewayError('client-gone'));
  };

  #detach(): void {
    this.#response.onGone = undefined;
    this.#response.onDrain = undefined;
  }

  #endFor(error: Error): GatewayError {
    if (this.#givenUp !== undefined) return this.#givenUp;
    if (this.#isClientGone || this.#response.isClosed) {
      return new GatewayError('client-gone', { cause: error });
    }
    const code = this.#isConnected ? 'upstream-broken' : 'upstream-unreachable';
    return new GatewayError(code, { cause: new Error(messageOf(error), { cause: error }) });
  }
}

function nothing(): void {
  // Nobody waits yet.
}

/** The most that is taken in one piece where it is there already: a stream costs more than it saves. */
const MAX_WHOLE_BYTES = 16 * 1024;

function openBody({ request: { body }, response }: Exchange): RequestBody | Buffer | null {
  if (body.length === 'unclear') throw new Error('BUG: a body without a clear end was let pass');
  if (body.length === 0) return null;
  const whole = body.takeWhole(MAX_WHOLE_BYTES);
  if (whole === undefined) {
    return new RequestBody(body, body.length, () => response.sendContinue());
  }
  return whole.length === 0 ? null : whole;
}

/** Go's server never sends control characters there. */
function reasonPhrase(statusText: string): string {
  return /[^\t\x20-\x7e]/.test(statusText) ? '' : statusText;
}
