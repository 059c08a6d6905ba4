import { createServer as createHttpServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';

/** A request as it reached the node. */
interface FakeNodeRequest {
  readonly target: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
}

export type FakeNodeHandler = (request: FakeNodeRequest, response: ServerResponse) => void;

/** A server that answers as the test says, and counts. */
export interface FakeNode {
  /** HOST:PORT, as it stands in meta-addr. */
  readonly address: string;
  readonly url: string;
  readonly requests: readonly FakeNodeRequest[];
  /** How many connections were ever opened. */
  readonly connections: number;
  readonly openConnections: number;
  answerBy(handler: FakeNodeHandler): void;
  /** Gone: its port refuses. */
  stop(): Promise<void>;
}

export interface FakeNodeOptions {
  readonly tls?: ServerOptions;
  readonly port?: number;
  readonly host?: string;
}

/** Starts a server on 127.0.0.1, on a free port unless one is given. */
export async function startFakeNode(
  handler: FakeNodeHandler,
  { tls, port = 0, host = '127.0.0.1' }: FakeNodeOptions = {},
): Promise<FakeNode> {
  const requests: FakeNodeRequest[] = [];
  const open = new Set<Socket>();
  let connections = 0;
  let answer = handler;
  const onRequest = (incoming: IncomingMessage, response: ServerResponse): void => {
    const target = incoming.url ?? '';
    const { pathname, searchParams } = new URL(target, 'http://node');
    const request = { target, path: pathname, query: searchParams, headers: incoming.headers };
    requests.push(request);
    answer(request, response);
  };
  const server =
    tls === undefined ? createHttpServer(onRequest) : createHttpsServer(tls, onRequest);
  server.keepAliveTimeout = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    open.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => open.delete(socket));
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = `${host}:${(server.address() as AddressInfo).port}`;
  return {
    address,
    url: `${tls === undefined ? 'http' : 'https'}://${address}`,
    requests,
    get connections() {
      return connections;
    },
    get openConnections() {
      return open.size;
    },
    answerBy: (other) => {
      answer = other;
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
export function saying(
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): FakeNodeHandler {
  return (_request, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };
}

/** A healthy node that knows every user who is asked for. */
export const knowsEverybody: FakeNodeHandler = ({ path, query }, response) => {
  const users = [{ name: query.get('name') ?? 'phantom', hash: 'H', permissions: { '': ['X'] } }];
  response.setHeader('content-type', 'application/json');
  response.end(path === '/user' ? JSON.stringify({ users }) : '{}');
};
