import { GatewayError } from '../kernel/errors.ts';
import type { Exchange, Handler } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import { PREVIEW, isLogStream } from '../kernel/routes.ts';
import type { Method, Target } from '../kernel/target.ts';
import type { Connections } from './connections.ts';
import type { Lane } from './lanes.ts';
import { laneOf } from './lanes.ts';
import type { Patience } from './patience.ts';
import type { Recheck } from './recheck.ts';
import { Relay } from './relay.ts';
import { requestHeaders } from './request-headers.ts';

/** Told of each head of an answer: how long after its request it came. */
export type OnHead = (lane: Lane, tookMs: number) => void;

interface Parts {
  readonly connections: Readonly<Record<Lane, Connections>>;
  readonly patience: Patience;
  readonly recheck: Recheck;
  readonly maxStreamsPerUser: number;
  readonly onHead: OnHead | undefined;
}

/** What may reach Kapacitor twice without harm (RFC 9110 §9.2.2, of the methods it routes; a PUT has a body). */
const REPEATABLE: ReadonlySet<Method> = new Set(['GET', 'HEAD', 'OPTIONS', 'DELETE']);

/** The handler of everything that is not the gateway's own: it streams the request to Kapacitor and its answer back. */
export function createForward(parts: Parts): Handler {
  const streamsOf = new Map<string, number>();
  return (identity, target, exchange) => {
    const lane = laneOf(target);
    const headers = outgoingHeaders(identity, target, exchange);
    const mayRepeat = REPEATABLE.has(target.method);
    const send = (): Promise<undefined> =>
      forward(parts, { target, lane, headers }, exchange, mayRepeat);
    return lane === 'streams' ? withinLimit(parts, streamsOf, identity.name, send) : send();
  };
}

interface Outgoing {
  readonly target: Target;
  readonly lane: Lane;
  readonly headers: string[];
}

/** Sends it, once more where an idle connection was closed under a request that may be sent twice. */
async function forward(
  parts: Parts,
  outgoing: Outgoing,
  exchange: Exchange,
  mayRepeat: boolean,
): Promise<undefined> {
  const { target, lane, headers } = outgoing;
  const connections = parts.connections[lane];
  const relay = new Relay(exchange, lane === 'streams', (tookMs) => parts.onHead?.(lane, tookMs));
  const connection = await connections.take(() => isWaitedFor(exchange));
  parts.patience.watch(relay);
  if (lane === 'streams') parts.recheck.watch(relay, exchange);
  try {
    await relay.run(connection, target, headers);
    return undefined;
  } catch (error) {
    if (!mayRepeat || !relay.wasCutWhileIdle(error)) throw error;
  } finally {
    parts.patience.forget(relay);
    parts.recheck.forget(relay);
    connections.giveBack(connection);
  }
  return forward(parts, outgoing, exchange, false);
}

/** Who has ended their side while they waited for their turn has most likely gone, and may have come again. */
function isWaitedFor({ request, response }: Exchange): boolean {
  return !response.isClosed && !request.socket.readableEnded;
}

async function withinLimit(
  { maxStreamsPerUser }: Parts,
  streamsOf: Map<string, number>,
  name: string,
  send: () => Promise<undefined>,
): Promise<undefined> {
  const streams = streamsOf.get(name) ?? 0;
  if (streams >= maxStreamsPerUser) {
    throw new GatewayError('overloaded', {
      message: `user ${name} already reads ${maxStreamsPerUser} log streams`,
    });
  }
  streamsOf.set(name, streams + 1);
  try {
    await send();
    return undefined;
  } finally {
    const left = (streamsOf.get(name) ?? 1) - 1;
    if (left > 0) streamsOf.set(name, left);
    else streamsOf.delete(name);
  }
}

function outgoingHeaders(identity: Identity, target: Target, exchange: Exchange): string[] {
  return requestHeaders(exchange.request.rawHeaders, {
    requestId: exchange.requestId,
    clientAddress: exchange.clientAddress,
    https: exchange.https,
    user: identity.name,
    dropAcceptEncoding: target.path.startsWith(PREVIEW) && !isLogStream(target),
  });
}
