import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions } from 'node:tls';

/** A response exactly as it came. */
export interface RawResponse {
  readonly httpVersion: string;
  readonly status: number;
  readonly reason: string;
  /** Names as they were written, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** The value of a header, whatever the case of its name; undefined where it is absent; the values of several joined by ", ". */
  header(name: string): string | undefined;
  /** Without chunk lines; content codings are left as they are. */
  readonly body: Buffer;
  readonly isChunked: boolean;
  /** All of it: head, framing, body. */
  readonly raw: Buffer;
}

export interface RawConnection {
  readonly socket: Socket;
  /** All bytes received so far and not yet taken by `receive`. */
  readonly pending: Buffer;
  /** Writes exactly these bytes. */
  send(bytes: string | Buffer): void;
  /**
   * The next response, an interim 1xx too.
   * @param method the one that it answers: one to HEAD has no body, whatever its head says
   * @throws where the connection ends or the time is over before it is whole
   */
  receive(method?: string): Promise<RawResponse>;
  /** Half-closes: nothing more is sent, everything is still received. */
  end(): void;
  /** Resolves once the other side has ended the connection. */
  ended(): Promise<void>;
  destroy(): void;
}

export interface RawOptions {
  /** How long each wait may last. */
  readonly timeoutMs?: number;
  readonly host?: string;
  /** The address that the connection comes from, as 127.0.0.2. */
  readonly localAddress?: string;
  /** Speak TLS, with these options. */
  readonly tls?: ConnectionOptions;
  /** A Unix socket in place of host and port. */
  readonly path?: string;
}

const TIMEOUT_MS = 60_000;
/** Node's types do not know that TLS has it too. */
const HALF_OPEN = { allowHalfOpen: true };

/** One request on a connection of its own: sends the bytes, gives the (first final) response. */
export async function exchange(
  port: number,
  bytes: string | Buffer,
  options: RawOptions = {},
): Promise<RawResponse> {
  const connection = await openRawConnection(port, options);
  try {
    connection.send(bytes);
    const method = bytes.toString('latin1').split(' ', 1)[0] ?? '';
    for (;;) {
      const response = await connection.receive(method);
      if (response.status >= 200) return response;
    }
  } finally {
    connection.destroy();
  }
}

/** The text of a request: its line, `Host: kapgate`, the given headers, a blank line, the body. */
export function requestText(
  method: string,
  target: string,
  headers: readonly string[] = [],
  body = '',
): string {
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const lines = [`${method} ${target} HTTP/1.1`, 'Host: kapgate', ...headers, ...length];
  return `${lines.join('\r\n')}\r\n\r\n${body}`;
}

export async function openRawConnection(
  port: number,
  options: RawOptions = {},
): Promise<RawConnection> {
  const { timeoutMs = TIMEOUT_MS, host = '127.0.0.1', localAddress, tls, path } = options;
  const place =
    path === undefined
      ? { port, host, ...(localAddress === undefined ? {} : { localAddress }) }
      : { path };
  const socket =
    tls === undefined
      ? connect({ ...place, allowHalfOpen: true })
      : connectTls({ ...place, ALPNProtocols: ['http/1.1'], ...HALF_OPEN, ...tls });
  socket.setNoDelay(true);
  const received = new Received();
  let hasEnded = false;
  socket.on('data', (bytes: Buffer) => {
    received.append(bytes);
  });
  const end = (): void => {
    hasEnded = true;
  };
  socket.on('end', end).on('close', end).on('error', end);

  /** Calls `look` after each arrival until it gives something. */
  function until<T>(what: string, look: () => T | undefined): Promise<T> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        for (const event of ['data', 'end', 'close', 'error']) socket.off(event, attempt);
      };
      const fail = (why: string): void => {
        stop();
        reject(new Error(`${why} while waiting for ${what}; received: ${shown(received.bytes)}`));
      };
      const attempt = (): void => {
        try {
          const found = look();
          if (found === undefined) {
            if (hasEnded) fail('the connection ended');
            return;
          }
          stop();
          resolve(found);
        } catch (error) {
          stop();
          reject(error instanceof Error ? error : new Error(String(error)));
        }
      };
      const timer = setTimeout(() => {
        fail(`${timeoutMs} ms passed`);
      }, timeoutMs);
      for (const event of ['data', 'end', 'close', 'error']) socket.on(event, attempt);
      attempt();
    });
  }

  await connected(socket, timeoutMs, tls === undefined ? 'connect' : 'secureConnect');
  return {
    socket,
    get pending() {
      return received.bytes;
    },
    send: (bytes) => {
      socket.write(bytes);
    },
    receive: async (method = 'GET') => {
      const response = await until('a response', () =>
        parseResponse(received.bytes, method, hasEnded),
      );
      received.take(response.raw.length);
      return response;
    },
    end: () => {
      socket.end();
    },
    ended: async () => {
      await until('the end', () => (hasEnded ? true : undefined));
    },
    destroy: () => {
      socket.destroy();
    },
  };
}

/** Bytes one behind the other: joined anew with each piece, twenty megabytes would take seconds. */
class Received {
  #store = Buffer.alloc(0);
  #from = 0;
  #to = 0;

  get bytes(): Buffer {
    return this.#store.subarray(this.#from, this.#to);
  }

  append(bytes: Buffer): void {
    if (this.#to + bytes.length > this.#store.length) {
      const grown = Buffer.allocUnsafe(2 * (this.bytes.length + bytes.length));
      this.#to = this.bytes.copy(grown);
      this.#from = 0;
      this.#store = grown;
    }
    this.#to += bytes.copy(this.#store, this.#to);
  }

  take(length: number): void {
    this.#from += length;
  }
}

function parseResponse(bytes: Buffer, method: string, hasEnded: boolean): RawResponse | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n');
  const match = /^HTTP\/(\d\.\d) (\d{3})(?: (.*))?$/.exec(statusLine);
  if (match === null) throw new Error(`not a status line: ${statusLine}`);
  const [, httpVersion = '', status = '', reason = ''] = match;
  const headers = lines.map(parseHeader);
  const header = (name: string): string | undefined => {
    const values = headers.filter(([each]) => each.toLowerCase() === name.toLowerCase());
    return values.length === 0 ? undefined : values.map(([, value]) => value).join(', ');
  };
  const start = headEnd + 4;
  const isChunked = header('transfer-encoding') === 'chunked';
  const hasNoBody = method === 'HEAD' || /^(?:1..|204|304)$/.test(status);
  const framing = hasNoBody ? 'none' : isChunked ? 'chunked' : header('content-length');
  const read = readBody(bytes.subarray(start), framing, hasEnded);
  if (read === undefined) return undefined;
  const end = start + read.length;
  return {
    httpVersion,
    status: Number(status),
    reason,
    headers,
    header,
    body: read.body,
    isChunked,
    raw: bytes.subarray(0, end),
  };
}

interface BodyReading {
  readonly body: Buffer;
  /** In bytes, with the framing. */
  readonly length: number;
}

function readBody(
  bytes: Buffer,
  framing: string | undefined,
  hasEnded: boolean,
): BodyReading | undefined {
  if (framing === 'none') return { body: Buffer.alloc(0), length: 0 };
  if (framing === 'chunked') return readChunks(bytes);
  if (framing === undefined) return hasEnded ? { body: bytes, length: bytes.length } : undefined;
  if (!/^\d+$/.test(framing)) throw new Error(`not a length: ${framing}`);
  const length = Number(framing);
  return bytes.length < length ? undefined : { body: bytes.subarray(0, length), length };
}

function readChunks(bytes: Buffer): BodyReading | undefined {
  const chunks: Buffer[] = [];
  let at = 0;
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const line = bytes.subarray(at, lineEnd).toString('latin1');
    if (!/^[0-9A-Fa-f]+$/.test(line)) throw new Error(`not a chunk size: ${line}`);
    const size = Number.parseInt(line, 16);
    const [start, end] = [lineEnd + 2, lineEnd + 2 + size];
    if (size === 0) {
      const trailerEnd = bytes.indexOf('\r\n', start);
      if (trailerEnd < 0) return undefined;
      if (trailerEnd !== start) throw new Error('a response with trailers');
      return { body: Buffer.concat(chunks), length: start + 2 };
    }
    if (bytes.length < end + 2) return undefined;
    if (bytes.toString('latin1', end, end + 2) !== '\r\n')
      throw new Error('a chunk without its end');
    chunks.push(bytes.subarray(start, end));
    at = end + 2;
  }
}

function parseHeader(line: string): readonly [string, string] {
  const colon = line.indexOf(':');
  if (colon <= 0) throw new Error(`not a header: ${line}`);
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.subarray(0, 500).toString('latin1'));
}

function connected(socket: Socket, timeoutMs: number, event: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      socket.destroy(new Error(`no connection within ${timeoutMs} ms`));
    }, timeoutMs);
    socket.once(event, () => {
      clearTimeout(timer);
      resolve();
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
  });
}
