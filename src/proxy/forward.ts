import { GatewayError } from '../kernel/errors.ts';
import type { Exchange, Handler } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import { PREVIEW, isLogStream } from '../kernel/routes.ts';
import type { Method } from '../kernel/target.ts';
import type { Connections } from './connections.ts';
import type { Lane } from './lanes.ts';
import { laneOf } from './lanes.ts';
import type { Patience } from './patience.ts';
import { Relay } from './relay.ts';
import { requestHeaders } from './request-headers.ts';

interface Parts {
  readonly connections: Readonly<Record<Lane, Connections>>;
  readonly patience: Patience;
}

/** Answers 4 readers of one user at a time: one user must not take every place (§2.5 of the design). */
const MAX_STREAMS_PER_USER = 4;

/** The handler of everything that is not the gateway's own: it streams the request to Kapacitor and its answer back. */
export function createForward(parts: Parts): Handler {
  const streamsOf = new Map<string, number>();
  return async (identity, exchange) => {
    const lane = laneOf(exchange.target);
    if (lane !== 'streams') {
      await forward(parts, lane, identity, exchange);
      return undefined;
    }
    const streams = streamsOf.get(identity.name) ?? 0;
    if (streams >= MAX_STREAMS_PER_USER) {
      throw new GatewayError('overloaded', {
        message: `user ${identity.name} already reads ${MAX_STREAMS_PER_USER} log streams`,
      });
    }
    streamsOf.set(identity.name, streams + 1);
    try {
      await forward(parts, lane, identity, exchange);
    } finally {
      const left = (streamsOf.get(identity.name) ?? 1) - 1;
      if (left > 0) streamsOf.set(identity.name, left);
      else streamsOf.delete(identity.name);
    }
    return undefined;
  };
}

/** One silent retry where an idle connection was closed under a request that may be sent twice. */
async function forward(
  parts: Parts,
  lane: Lane,
  identity: Identity,
  exchange: Exchange,
): Promise<void> {
  const mayRepeat = REPEATABLE.has(exchange.target.method);
  const isDone = await attempt(parts, lane, identity, exchange, mayRepeat);
  if (!isDone) await attempt(parts, lane, identity, exchange, false);
}

/** @returns false where the request may be sent once more, which happens only if `mayRepeat` */
async function attempt(
  parts: Parts,
  lane: Lane,
  identity: Identity,
  exchange: Exchange,
  mayRepeat: boolean,
): Promise<boolean> {
  const lease = await parts.connections[lane].lease(() => !exchange.response.destroyed);
  const relay = new Relay(exchange, lease, {
    headers: outgoingHeaders(identity, exchange),
    isLogStream: lane === 'streams',
  });
  parts.patience.watch(relay);
  let isAnswered = false;
  try {
    await relay.run();
    isAnswered = true;
    return true;
  } catch (error) {
    if (mayRepeat && relay.wasCutWhileIdle(error)) return false;
    throw error;
  } finally {
    parts.patience.forget(relay);
    lease.release(isAnswered);
  }
}

/** What may reach Kapacitor twice without harm (RFC 9110 §9.2.2, of the methods it routes; a PUT has a body). */
const REPEATABLE: ReadonlySet<Method> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

function outgoingHeaders(identity: Identity, exchange: Exchange): string[] {
  const { request, target, requestId, clientAddress, https } = exchange;
  return requestHeaders(request.rawHeaders, {
    requestId,
    clientAddress,
    https,
    user: identity.name,
    dropAcceptEncoding: target.path.startsWith(PREVIEW) && !isLogStream(target),
  });
}
