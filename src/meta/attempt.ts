import { MetaFault } from './fault.ts';
import { TransportError } from './http.ts';
import type { Http, HttpAnswer, HttpGet } from './http.ts';
import type { OwnUser } from './own-user.ts';
import { createRedirects } from './redirects.ts';
import type { Reading, Setback } from './reading.ts';
import { transportFault } from './transport-fault.ts';

/** Something to be asked by a GET. */
export interface Question<T> {
  readonly path: '/user' | '/role' | '/authorized';
  /** "" or with its question mark. */
  readonly query: string;
  readonly maxBytes: number;
  readonly read: (answer: HttpAnswer, node: string) => Reading<T>;
}

/** Asks one node once, within a time, redirects included. */
export type Attempt = <T>(
  origin: string,
  question: Question<T>,
  timeMs: number,
  closing: AbortSignal,
) => Promise<Reading<T>>;

export interface AttemptOptions {
  readonly http: Http;
  readonly own: OwnUser;
  /** Of all nodes in meta-addr. */
  readonly origins: readonly string[];
  /** Whether whoever answers has proved to be one of the cluster: TLS with verification. */
  readonly verified: boolean;
}

/** A cluster answers by one redirect, to its leader. */
const MAX_REDIRECTS = 5;
/** Why an attempt ended: its time, and not the client, is over. */
const OVER = 'time is over';

export function createAttempt({ http, own, origins, verified }: AttemptOptions): Attempt {
  const redirects = createRedirects({ origins, verified });

  /** Follows redirects. @throws TransportError */
  const follow = async <T>(
    origin: string,
    question: Question<T>,
    signal: AbortSignal,
    reached: (node: string) => void,
  ): Promise<Reading<T>> => {
    let node = origin;
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      reached(node);
      const answer = await getFrom(http, await requestOf(node, question, own, signal));
      if (answer.status < 300 || answer.status > 399) return question.read(answer, node);
      const next = redirects.next(node, question.path, answer);
      if ('fault' in next) return next;
      node = next.origin;
    }
    return setback(
      'redirect',
      `meta node ${origin} redirects more than ${MAX_REDIRECTS} times: no node seems to lead`,
    );
  };

  return async (origin, question, timeMs, closing) => {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    const timer = setTimeout(() => ending.abort(OVER), timeMs);
    closing.addEventListener('abort', end);
    let node = origin;
    try {
      return await follow(origin, question, ending.signal, (at) => {
        node = at;
      });
    } catch (error) {
      if (!(error instanceof TransportError)) throw error;
      if (ending.signal.reason !== OVER) return transportFault(node, error);
      const seconds = String(Math.round(timeMs) / 1000);
      const late = `meta node ${node} did not answer within ${seconds} s`;
      // The node may be waiting for LDAP itself.
      const blamed = question.path === '/authorized' ? undefined : true;
      return { ...setback('timeout', late, 'again'), blamed };
    } finally {
      clearTimeout(timer);
      closing.removeEventListener('abort', end);
    }
  };
}

async function requestOf<T>(
  node: string,
  { path, query, maxBytes }: Question<T>,
  own: OwnUser,
  signal: AbortSignal,
): Promise<HttpGet> {
  const authorization = await own.authorization();
  return {
    url: `${node}${path}${query}`,
    headers: {
      'user-agent': 'InfluxDB Cluster Client',
      accept: 'application/json',
      'content-type': 'application/json',
      ...(authorization === undefined ? {} : { authorization }),
    },
    maxBytes,
    signal,
  };
}

/** Once more where a kept connection had been closed for being idle: that says nothing of the node. */
async function getFrom(http: Http, request: HttpGet): Promise<HttpAnswer> {
  try {
    return await http.get(request);
  } catch (error) {
    const stale =
      error instanceof TransportError &&
      error.onKeptConnection &&
      error.when === 'before the answer' &&
      (error.code === 'ECONNRESET' || error.code === 'EPIPE');
    if (!stale) throw error;
    return await http.get(request);
  }
}

function setback(
  kind: MetaFault['kind'],
  message: string,
  then: Setback['then'] = 'elsewhere',
): Setback {
  return { fault: new MetaFault(kind, message), then, blamed: true };
}
