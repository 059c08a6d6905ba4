import type { ServerResponse } from 'node:http';
import type { Dispatcher } from 'undici';
import { GatewayError, messageOf } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';
import { announcedLength, hasArrived } from '../kernel/request-body.ts';
import type { Target } from '../kernel/target.ts';
import type { Connection } from './connections.ts';
import type { Transfer, Wait } from './patience.ts';
import { RequestBody } from './request-body.ts';
import { responseHead } from './response-headers.ts';

type Controller = Dispatcher.DispatchController;

/**
 * Kapacitor stops as a whole while one reader of its log does not read, so a log is always drained, and a reader
 * who is further behind than this is cut.
 */
const MAX_LOG_BACKLOG_BYTES = 4 * 1024 * 1024;

/** Beyond this, copying costs more than a second piece. */
const MAX_JOINED_BYTES = 4096;

/** One request on its way to Kapacitor and its answer on the way back: streamed, with back-pressure both ways. */
export class Relay implements Dispatcher.DispatchHandler, Transfer {
  readonly #exchange: Exchange;
  readonly #connection: Connection;
  readonly #isLogStream: boolean;
  readonly #response: ServerResponse;
  readonly #body: RequestBody | Buffer | null;
  #controller: Controller | undefined;
  #resolve: () => void = nothing;
  #reject: (error: unknown) => void = nothing;
  #isClientGone = false;
  #givenUp: GatewayError | undefined;
  #wasReused = false;
  #hasAnswerBegun = false;
  #isBodyBegun = false;

  constructor(exchange: Exchange, connection: Connection, isLogStream: boolean) {
    this.#exchange = exchange;
    this.#connection = connection;
    this.#isLogStream = isLogStream;
    this.#response = exchange.response;
    this.#body = openBody(exchange);
  }

  /**
   * Sends the request, and resolves once its whole answer was passed on.
   * @throws GatewayError client-gone, slow-client, upstream-unreachable, upstream-broken, upstream-timeout
   */
  run({ method, sent }: Target, headers: string[]): Promise<void> {
    return new Promise((resolve, reject) => {
      // Its client may have left while it was authenticated, or waited for a connection.
      if (this.#response.destroyed) {
        reject(new GatewayError('client-gone'));
        return;
      }
      this.#resolve = resolve;
      this.#reject = reject;
      this.#response.on('close', this.#onClientClose);
      this.#connection.client.dispatch({ method, path: sent, headers, body: this.#body }, this);
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
    if (this.#response.writableNeedDrain) {
      return { for: 'client-reading', progress: socket.bytesWritten - socket.writableLength };
    }
    if (this.#response.headersSent) return { for: 'nobody', progress: 0 };
    // While Kapacitor takes a long body, its answer is not due yet.
    return { for: 'upstream-head', progress: socket.bytesRead };
  }

  giveUp(error: GatewayError): void {
    this.#givenUp = error;
    this.#stop(error);
  }

  onRequestStart(controller: Controller): void {
    this.#controller = controller;
    this.#wasReused = this.#connection.answers > 0;
    const reason =
      this.#givenUp ?? (this.#isClientGone ? new GatewayError('client-gone') : undefined);
    if (reason !== undefined) controller.abort(reason);
  }

  /** The first byte of an answer, an interim one or a broken one too. */
  onResponseStarted(): void {
    this.#hasAnswerBegun = true;
  }

  onResponseStart(controller: Controller, status: number, _: unknown, statusText?: string): void {
    if (status < 200) return;
    const head = responseHead(textOf(controller.rawHeaders), this.#exchange.requestId);
    if (head.upstreamRequestId !== undefined) {
      this.#exchange.upstreamRequestId = head.upstreamRequestId;
    }
    // Kapacitor answered before it had the whole body: what is still on its way must not become a next request.
    if (!hasArrived(this.#exchange.request)) this.#response.shouldKeepAlive = false;
    this.#response.writeHead(status, reasonPhrase(statusText), head.headers);
    // A small body comes with the head and leaves with it; the head of a silent stream leaves alone.
    queueMicrotask(() => {
      if (!this.#response.writableEnded) this.#response.flushHeaders();
    });
  }

  onResponseData(controller: Controller, chunk: Buffer): void {
    if (this.#write(chunk)) return;
    if (!this.#isLogStream) {
      controller.pause();
      this.#response.once('drain', () => {
        controller.resume();
      });
    } else if (this.#response.writableLength > MAX_LOG_BACKLOG_BYTES) {
      this.giveUp(
        new GatewayError('slow-client', {
          message: 'the reader of the log stream fell too far behind',
        }),
      );
    }
  }

  onResponseEnd(): void {
    this.#connection.answers++;
    this.#detach();
    this.#exchange.finish();
    this.#resolve();
  }

  onResponseError(_: Controller, error: Error): void {
    this.#detach();
    this.#reject(this.#endFor(error));
  }

  /** The first bytes go as text: Node joins them with the head then, and both leave in one piece. */
  #write(chunk: Buffer): boolean {
    if (this.#isBodyBegun || chunk.length > MAX_JOINED_BYTES) return this.#response.write(chunk);
    this.#isBodyBegun = true;
    return this.#response.write(chunk.toString('latin1'), 'latin1');
  }

  readonly #onClientClose = (): void => {
    this.#isClientGone = true;
    this.#stop(new GatewayError('client-gone'));
  };

  /** Before it is started there is nothing to abort: onRequestStart looks again. */
  #stop(reason: GatewayError): void {
    this.#controller?.abort(reason);
  }

  #detach(): void {
    this.#response.off('close', this.#onClientClose);
  }

  #endFor(error: Error): GatewayError {
    if (this.#givenUp !== undefined) return this.#givenUp;
    const { request } = this.#exchange;
    // A request that was read to its end is destroyed too.
    if (this.#isClientGone || (request.destroyed && !request.complete)) {
      return new GatewayError('client-gone', { cause: error });
    }
    const code = this.#controller === undefined ? 'upstream-unreachable' : 'upstream-broken';
    return new GatewayError(code, { cause: new Error(messageOf(error), { cause: error }) });
  }
}

function nothing(): void {
  // Nobody waits yet.
}

/** The most that is taken from Node's buffer in one piece: it is there already, and a stream costs more than it saves. */
const MAX_WHOLE_BYTES = 16 * 1024;

/** A body is announced by its framing (RFC 9112 §6.3), not by the method. */
function openBody(exchange: Exchange): RequestBody | Buffer | null {
  const { request } = exchange;
  const length = announcedLength(request);
  if (length === 0) return null;
  if (length === undefined && request.headers['transfer-encoding'] === undefined) return null;
  if (length !== undefined && length <= MAX_WHOLE_BYTES && request.readableLength === length) {
    const whole: unknown = request.read();
    if (Buffer.isBuffer(whole) && whole.length === length) return whole;
    throw new Error('BUG: the body in the buffer is not the one that was announced');
  }
  return new RequestBody(request, () => exchange.sendContinue());
}

/** undici hands the raw headers on as buffers; header bytes are ISO-8859-1 on both sides. */
function textOf(rawHeaders: Controller['rawHeaders']): string[] {
  if (!Array.isArray(rawHeaders)) return [];
  return rawHeaders.map((each) => (typeof each === 'string' ? each : each.toString('latin1')));
}

/** Node refuses to send control characters; Go's server never does. */
function reasonPhrase(statusText: string | undefined): string {
  return statusText === undefined || /[^\t\x20-\x7e]/.test(statusText) ? '' : statusText;
}
