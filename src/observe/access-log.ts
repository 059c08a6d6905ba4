import type { Exchange } from '../kernel/exchange.ts';
import type { Log } from '../kernel/log.ts';
import { firstValue } from '../kernel/query.ts';
import { isWrite } from '../kernel/routes.ts';
import { shownPath } from '../kernel/subscription-path.ts';

/** Writes one line a request, with the keys of Kapacitor's own access lines and a few more. */
export interface AccessLog {
  note(exchange: Exchange, status: number, bytes: number, endedMs: number): void;
  /** Bytes that were no request. */
  noteUnread(clientAddress: string, status: number, reason: string): void;
}

/** The query is left out: a mistyped `P=` would put a password there. A request that was not read has no path. */
export function createAccessLog(log: Log): AccessLog {
  return {
    note: (exchange, status, bytes, endedMs) => {
      const { target, identity, request } = exchange;
      log.info('http request', {
        host: exchange.clientAddress,
        username: nameOf(exchange),
        method: request.method,
        path: target === undefined ? '-' : shownPath(target),
        db: target !== undefined && isWrite(target) ? firstValue(target.query, 'db') : undefined,
        protocol: `HTTP/${request.httpVersion}`,
        status,
        bytes,
        duration_ms: endedMs - exchange.startedMs,
        'request-id': exchange.requestId,
        'upstream-request-id':
          exchange.upstreamRequestId === '' ? undefined : exchange.upstreamRequestId,
        'user-agent': request.headers['user-agent'] ?? '',
        auth: identity?.method,
        verdict: verdictOf(exchange),
        reason: exchange.reason === '' ? undefined : exchange.reason,
      });
    },
    noteUnread: (clientAddress, status, reason) => {
      log.info('http request', {
        host: clientAddress,
        username: '-',
        method: '-',
        path: '-',
        status,
        reason,
      });
    },
  };
}

/** In a rehearsal: what a closed gate would have answered in place of letting it pass. */
function verdictOf({ wouldBe }: Exchange): string | undefined {
  return wouldBe === undefined
    ? undefined
    : `observe: would be ${wouldBe.status} ${wouldBe.message}`;
}

/** As Kapacitor writes it: "-" for nobody. */
function nameOf({ identity, claimed }: Exchange): string {
  const name = identity?.name ?? claimed;
  return name === '' ? '-' : name;
}
