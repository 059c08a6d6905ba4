import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { ServerOptions } from 'node:https';
import { answerMetaCall, indexOf, readMetaTarget, send, sendError } from './meta-answers.ts';
import { refusalOf } from './meta-caller.ts';
import type { Demands } from './meta-caller.ts';
import type { MetaCluster } from './meta-cluster.ts';
import { playFault } from './meta-faults.ts';
import type { NodeFault } from './meta-faults.ts';

/** One request to a meta node. */
export interface MetaCall {
  readonly method: string;
  readonly path: string;
  /** The user or role of the query, `""` where none is named. */
  readonly name: string;
}

export interface MetaNodeOptions {
  readonly cluster: MetaCluster;
  readonly demands?: Demands;
  /** Certificate and key; whose client certificates are taken. Without it: plain HTTP. */
  readonly tls?: Pick<ServerOptions, 'key' | 'cert' | 'ca' | 'requestCert' | 'rejectUnauthorized'>;
  /** For a follower: the URL of the leader, who takes the changes. */
  readonly leader?: string;
  /** By default a free one. */
  readonly port?: number;
  readonly onCall?: (call: MetaCall) => void;
}

/** A meta node of InfluxDB Enterprise, played: its users and roles over HTTP, on a port of 127.0.0.1. */
export interface MetaNode {
  /** For meta-addr. */
  readonly address: string;
  readonly url: string;
  /** How often it was called by this method and path, `GET /user`. */
  countOf(call: string): number;
  /** From now on this is wrong with it, on all paths or on one; undefined: nothing is. */
  fault(fault: NodeFault | undefined, path?: string): void;
  /** Listens no more, and cuts its connections. */
  down(): Promise<void>;
  /** Listens again, on the same port. */
  up(): Promise<void>;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const EVERY_PATH = '*';

/** Starts one. */
export async function startMetaNode(options: MetaNodeOptions): Promise<MetaNode> {
  const faults = new Map<string, NodeFault>();
  const counts = new Map<string, number>();
  const answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { path, query } = readMetaTarget(request.url ?? '');
    const method = request.method ?? '';
    counts.set(`${method} ${path}`, (counts.get(`${method} ${path}`) ?? 0) + 1);
    options.onCall?.({ method, path, name: query.get('name') ?? '' });
    answerCall(options, faults.get(path) ?? faults.get(EVERY_PATH), request, response).catch(() => {
      response.destroy();
    });
  };
  const listener = createListener(options.tls, answer);
  const port = await listener.listen(options.port ?? 0);
  const address = `${HOST}:${port}`;
  return {
    address,
    url: `${options.tls === undefined ? 'http' : 'https'}://${address}`,
    countOf: (call) => counts.get(call) ?? 0,
    fault: (fault, path = EVERY_PATH) => {
      if (fault === undefined) faults.delete(path);
      else faults.set(path, fault);
    },
    down: () => listener.close(),
    up: async () => {
      await listener.listen(port);
    },
    stop: () => listener.close(),
  };
}

async function answerCall(
  { cluster, demands = { kind: 'nothing' }, leader }: MetaNodeOptions,
  fault: NodeFault | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { method = '', url: target = '' } = request;
  const changes = method === 'POST';
  // Read whole, so that an early answer never meets a client that still sends.
  const body = await readBody(request);
  if (fault !== undefined && (await playFault(fault, target, response))) return;
  const { authorization } = request.headers;
  const { state, passwords } = cluster;
  const refused = await refusalOf(
    { authorization, changes },
    demands,
    state,
    passwords,
    Date.now(),
  );
  if (refused !== undefined) {
    if (refused.status === 401) response.setHeader('WWW-Authenticate', 'Basic realm="InfluxDB"');
    sendError(response, refused.status, refused.message);
  } else if (changes && leader !== undefined) {
    send(response, 307, { Location: `${leader}${target}`, ...indexOf(cluster) });
  } else {
    await answerMetaCall(cluster, { method, target, body }, response);
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += String(chunk);
  return body;
}

interface Listener {
  /** @returns the port */
  listen(port: number): Promise<number>;
  close(): Promise<void>;
}

/** A server that can close and listen anew. */
function createListener(
  tls: MetaNodeOptions['tls'],
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Listener {
  const server: Server = tls === undefined ? createServer(answer) : createTlsServer(tls, answer);
  return {
    listen: (port) =>
      new Promise((resolve, reject) => {
        server.once('error', reject);
        server.listen(port, HOST, () => {
          server.off('error', reject);
          const address = server.address();
          resolve(typeof address === 'object' && address !== null ? address.port : 0);
        });
      }),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
