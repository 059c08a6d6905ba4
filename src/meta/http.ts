import { Agent as HttpAgent } from 'node:http';
import type { ClientRequest } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Got, Response } from 'got';
import type { MetaTls } from './tls.ts';

/** GETs over kept connections: no retry, no redirect, no cache, no cookie, no coding, no proxy of the environment. */
export interface Http {
  /** @throws TransportError */
  get(request: HttpGet): Promise<HttpAnswer>;
  /** Closes idle connections and those in use. */
  close(): void;
}

export interface HttpGet {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What is longer is not read. */
  readonly maxBytes: number;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly location: string | undefined;
  readonly body: Buffer;
}

/** Longer than `maxBytes`. */
export const TOO_LONG = 'TOO_LONG';
/** 101, which nobody asked for. */
export const UPGRADED = 'UPGRADED';

/**
 * There was no answer, or not all of it. It is made anew and has no cause: got's own errors hold the URL, and so the
 * password of GET /authorized.
 */
export class TransportError extends Error {
  override readonly name = 'TransportError';
  /** Of Node or OpenSSL, or one of those above. */
  readonly code: string;
  /** Whether it broke before an answer began, or within it. */
  readonly when: 'before the answer' | 'in the answer';
  /** Whether the connection had carried other requests: then the node may only have closed it for being idle. */
  readonly onKeptConnection: boolean;

  constructor(
    code: string,
    progress: Pick<TransportError, 'when' | 'onKeptConnection'> = {
      when: 'before the answer',
      onKeptConnection: false,
    },
  ) {
    super(code);
    this.code = code;
    this.when = progress.when;
    this.onKeptConnection = progress.onKeptConnection;
  }
}

/** To one node. Further requests wait for one of these, within their own time. */
const MAX_CONNECTIONS = 32;
/** Idle ones are closed before a firewall forgets them. */
const MAX_IDLE_MS = 30_000;

/** @param tls undefined where the nodes are spoken to without TLS */
export function createHttp(tls: MetaTls | undefined): Http {
  const kept = { keepAlive: true, maxSockets: MAX_CONNECTIONS, timeout: MAX_IDLE_MS };
  const agents = {
    http: new HttpAgent(kept),
    // Without a cache of sessions each connection proves itself anew.
    https: new HttpsAgent({ ...kept, ...tls, maxCachedSessions: 0 }),
  };
  // A third of what a start takes: only where there are meta nodes.
  const client = import('got').then(({ got }) =>
    got.extend({
      agent: agents,
      retry: { limit: 0 },
      followRedirect: false,
      throwHttpErrors: false,
      decompress: false,
      // Said aloud: NODE_TLS_REJECT_UNAUTHORIZED in the environment does not count.
      https: { rejectUnauthorized: tls?.rejectUnauthorized ?? true },
    }),
  );
  return {
    get: async (request) => get(await client, request),
    close: () => {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

async function get(client: Got, { url, headers, maxBytes, signal }: HttpGet): Promise<HttpAnswer> {
  const stream = client.stream(url, { headers: { ...headers }, signal });
  let head: Omit<HttpAnswer, 'body'> | undefined;
  let onKeptConnection = false;
  stream.once('request', (request: ClientRequest) => {
    request.once('socket', () => {
      onKeptConnection = request.reusedSocket;
    });
    // Nobody would close it: Node gives the socket away, and got waits for an answer that does not come.
    request.once('upgrade', (_answer, socket) => {
      socket.destroy();
      stream.destroy(new TransportError(UPGRADED));
    });
  });
  stream.once('response', ({ statusCode, headers }: Response) => {
    head = { status: statusCode, location: headers.location };
  });
  // One that comes after the loop has ended has nobody to be told to.
  stream.on('error', () => undefined);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of stream) {
      if (!(chunk instanceof Uint8Array)) throw new Error('BUG: got reads something but bytes');
      bytes += chunk.length;
      if (bytes > maxBytes) throw new TransportError(TOO_LONG);
      chunks.push(chunk);
    }
  } catch (error) {
    const when = head === undefined ? 'before the answer' : 'in the answer';
    throw new TransportError(codeOf(error), { when, onKeptConnection });
  }
  if (head === undefined) throw new TransportError('ECONNRESET');
  return { ...head, body: Buffer.concat(chunks) };
}

/** Only what looks like a code: anything else could hold the URL. */
function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !/^[A-Z\d_]+$/.test(code)) return 'UNKNOWN';
  // Of what a TLS handshake fails with, Node leaves the reason in the message of OpenSSL.
  const reason = code === 'EPROTO' ? OPENSSL_REASON.exec(String(error))?.[1] : undefined;
  return reason === undefined ? code : `ERR_SSL_${reason.replaceAll(' ', '_').toUpperCase()}`;
}

const OPENSSL_REASON = /:SSL routines:[^:]*:([a-z\d ]+):/;
