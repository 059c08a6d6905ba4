import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { isIP, isIPv4 } from 'node:net';
import type { Socket } from 'node:net';
import { messageOf } from '../kernel/errors.ts';
import type { Metrics } from './metrics.ts';
import type { Readiness } from './readiness.ts';

/** Where operators and their tools look: /metrics, /healthz, /readyz. It answers everybody, so it holds no secret. */
export interface Admin {
  /** Resolves with its port once it listens. @throws AdminListenError */
  start(): Promise<number>;
  stop(): Promise<void>;
}

export interface AdminOptions {
  readonly address: { readonly host: string; readonly port: number };
  readonly metrics: Metrics;
  readonly readiness: () => Promise<Readiness>;
  /** Told of what went wrong while an answer was made. */
  readonly onError: (error: unknown) => void;
  /** How long a connection may bring and take nothing. */
  readonly idleTimeoutMs?: number;
}

/** The place of the admin listener cannot be had. */
export class AdminListenError extends Error {
  constructor(place: string, cause: unknown) {
    const reason = messageOf(cause);
    const advice = reason.includes('EADDRINUSE')
      ? 'another process has this port, perhaps another gateway: give each its own [admin] bind-address, or "" for none'
      : 'choose another [admin] bind-address, or "" for none';
    super(`cannot listen on ${place} for /metrics: ${reason}; ${advice}`, { cause });
    this.name = 'AdminListenError';
  }
}

/** A scraper, a supervisor and a few people: whoever opens more does not do so to look. */
const MAX_CONNECTIONS = 32;
const MAX_HEADER_BYTES = 8 * 1024;
const REQUEST_MS = 5_000;
const IDLE_MS = 10_000;

/** A server of its own: nothing of the request path is in it, so it answers when that is at its limits. */
export function createAdmin(options: AdminOptions): Admin {
  const server = createServer({
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: REQUEST_MS,
    requestTimeout: REQUEST_MS,
    connectionsCheckingInterval: REQUEST_MS,
    keepAliveTimeout: IDLE_MS,
    insecureHTTPParser: false,
  });
  giveWay(server);
  // Who does not read their answer either.
  server.setTimeout(options.idleTimeoutMs ?? IDLE_MS);
  server.on('request', (request, response) => void answer(options, request, response));
  return {
    start: () => listen(server, options),
    stop: async () => {
      if (!server.listening) return;
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

/** Where there are too many connections, the one that has asked nothing for the longest time ends: no crowd keeps a scraper out. */
function giveWay(server: Server): void {
  const open = new Set<Socket>();
  server.on('connection', (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    const [oldest] = open;
    if (open.size > MAX_CONNECTIONS) oldest?.destroy();
  });
  server.on('request', ({ socket }) => {
    open.delete(socket);
    open.add(socket);
  });
}

async function listen(server: Server, { address, onError }: AdminOptions): Promise<number> {
  const { host, port } = address;
  try {
    server.listen(host === '' ? { port } : { host, port });
    await once(server, 'listening');
  } catch (cause) {
    throw new AdminListenError(`${host}:${port}`, cause);
  }
  server.on('error', onError);
  const bound = server.address();
  return typeof bound === 'object' && bound !== null ? bound.port : port;
}

interface AdminAnswer {
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

async function answer(
  options: AdminOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let given: AdminAnswer;
  try {
    given = await answerTo(options, request);
  } catch (error) {
    options.onError(error);
    given = plain(500, 'this cannot be told at the moment: the log says why');
  }
  response.writeHead(given.status, {
    'Content-Type': given.type,
    'Content-Length': Buffer.byteLength(given.text),
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    // Nor is it a picture or a script of anybody's page.
    'Cross-Origin-Resource-Policy': 'same-origin',
    ...(given.status === 405 ? { Allow: 'GET, HEAD' } : {}),
    // What it sends beside is not read.
    ...(given.status >= 400 && given.status !== 503 ? { Connection: 'close' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : given.text);
}

async function answerTo(
  { address, metrics, readiness }: AdminOptions,
  { method, url = '', headers, rawHeaders }: IncomingMessage,
): Promise<AdminAnswer> {
  const hosts = rawHeaders.filter((name, at) => at % 2 === 0 && /^host$/i.test(name));
  if (hosts.length > 1 || !isOwnHost(headers.host, address.host)) {
    return plain(403, 'the Host header names neither this host nor [admin] bind-address');
  }
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD');
  const [path] = url.split('?');
  if (path === '/healthz') return plain(200, 'ok');
  if (path === '/metrics') {
    return { status: 200, type: metrics.contentType, text: await metrics.text() };
  }
  if (path !== '/readyz') return plain(404, 'there are /metrics, /healthz and /readyz');
  const found = await readiness();
  return {
    status: found.ready ? 200 : 503,
    type: 'application/json',
    text: `${JSON.stringify(found, undefined, 2)}\n`,
  };
}

function plain(status: number, text: string): AdminAnswer {
  return { status, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}

/**
 * Whether a Host header names this host. A page in a browser can make its own name lead here (DNS rebinding), but it
 * cannot send another name than its own. So names must be ours; a number is nobody's name, where we listen on all.
 */
export function isOwnHost(header: string | undefined, bindHost: string): boolean {
  const host = /^(\[[^\]]+\]|[^:[\]]+)(?::\d{1,5})?$/.exec(header ?? '')?.[1]?.toLowerCase();
  if (host === undefined) return false;
  const name = host.replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name === '::1') return true;
  if (isIPv4(name) && name.startsWith('127.')) return true;
  if (bindHost === '' || bindHost === '0.0.0.0' || bindHost === '::') return isIP(name) !== 0;
  return name === bindHost.toLowerCase();
}
