import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A request exactly as it reached the upstream. */
export interface RecordedRequest {
  /** Counted from 1 in the order in which connections were opened. */
  readonly connection: number;
  readonly method: string;
  readonly target: string;
  readonly httpVersion: string;
  /** Names as they were written, in their order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** What has arrived of the body, without its chunk lines. */
  readonly body: Buffer;
  readonly trailers: readonly string[];
  readonly state: 'arriving' | 'complete' | 'aborted';
}

/** Answers a request whose body has arrived (or, with `atHead`, one of which only the head has). */
export type UpstreamHandler = (
  recorded: RecordedRequest,
  response: ServerResponse,
  incoming: IncomingMessage,
) => void | Promise<void>;

export interface UpstreamOptions {
  /** Call the handler as soon as the head is there, and leave the body to it: it is then not recorded. */
  readonly atHead?: boolean;
  /** By default a free one. */
  readonly port?: number;
}

export interface RecordingUpstream {
  readonly port: number;
  readonly url: string;
  /** In the order in which their heads arrived. */
  readonly requests: readonly RecordedRequest[];
  /** How many connections were ever opened. */
  readonly connections: number;
  /** How many are open now. */
  readonly openConnections: number;
  /** Every byte that a connection brought, framing and all. */
  bytesOf(connection: number): Buffer;
  /** Answers by another handler from now on. */
  answerBy(handler: UpstreamHandler): void;
  /** Forgets the requests, not the connections. */
  clear(): void;
  stop(): Promise<void>;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Starts a real server on a free port of 127.0.0.1 that records all it receives. */
export async function startRecordingUpstream(
  handler: UpstreamHandler,
  options: UpstreamOptions = {},
): Promise<RecordingUpstream> {
  const requests: RecordedRequest[] = [];
  const received = new Map<Socket, { readonly number: number; bytes: Buffer[] }>();
  const all: { readonly number: number; bytes: Buffer[] }[] = [];
  const open = new Set<Socket>();
  let answer = handler;

  const server = createServer({ requestTimeout: 0, headersTimeout: 0, keepAliveTimeout: 0 });
  server.maxHeadersCount = 0;
  server.on('connection', (socket: Socket) => {
    const connection = { number: all.length + 1, bytes: [] as Buffer[] };
    all.push(connection);
    received.set(socket, connection);
    open.add(socket);
    socket.on('data', (bytes: Buffer) => connection.bytes.push(Buffer.from(bytes)));
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
  });
  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => {
    const recorded = record(incoming, received.get(incoming.socket)?.number ?? 0);
    requests.push(recorded);
    const ready = options.atHead === true ? Promise.resolve() : readInto(recorded, incoming);
    ready
      .then(() => answer(recorded, response, incoming))
      .catch((error: unknown) => {
        response.destroy(error instanceof Error ? error : undefined);
      });
  };
  server.on('request', onRequest);
  server.on('checkContinue', (incoming: IncomingMessage, response: ServerResponse) => {
    if (options.atHead !== true) response.writeContinue();
    onRequest(incoming, response);
  });
  const port = await listen(server, options.port ?? 0);
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    requests,
    get connections() {
      return all.length;
    },
    get openConnections() {
      return open.size;
    },
    bytesOf: (connection) => Buffer.concat(all[connection - 1]?.bytes ?? []),
    answerBy: (other) => {
      answer = other;
    },
    clear: () => {
      requests.length = 0;
    },
    stop: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of open) socket.destroy();
      }),
  };
}

/** A handler that gives every request the same answer. */
export function answering(
  status: number,
  headers: Readonly<Record<string, string>> = {},
  body: string | Buffer = '',
): UpstreamHandler {
  return (_recorded, response) => {
    response.writeHead(status, headers).end(body);
  };
}

function record(incoming: IncomingMessage, connection: number): Mutable<RecordedRequest> {
  const { rawHeaders } = incoming;
  return {
    connection,
    method: incoming.method ?? '',
    target: incoming.url ?? '',
    httpVersion: incoming.httpVersion,
    headers: rawHeaders
      .filter((_, index) => index % 2 === 0)
      .map((name, index) => [name, rawHeaders[index * 2 + 1] ?? '']),
    body: Buffer.alloc(0),
    trailers: [],
    state: 'arriving',
  };
}

/** Resolves when the body is there; never where it was cut off, as nobody is left to be answered. */
function readInto(recorded: Mutable<RecordedRequest>, incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    Object.defineProperty(recorded, 'body', { get: () => Buffer.concat(chunks), enumerable: true });
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.once('end', () => {
      recorded.trailers = incoming.rawTrailers;
      recorded.state = 'complete';
      resolve();
    });
    incoming.once('close', () => {
      if (recorded.state === 'arriving') recorded.state = 'aborted';
    });
    incoming.on('error', () => {
      recorded.state = 'aborted';
    });
  });
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => {
      resolve((server.address() as AddressInfo).port);
    });
  });
}
