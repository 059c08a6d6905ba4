import type { Exchange } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import { firstValue } from '../kernel/query.ts';
import { isWrite } from '../kernel/routes.ts';
import { shownPath } from '../kernel/subscription-path.ts';
import type { Target } from '../kernel/target.ts';

/** Why a request was allowed or denied (authorize/deciding.ts). */
export type Decide = (
  identity: Identity,
  target: Target,
) => { readonly grant: string; readonly missing: string };

/** A line of the audit log about a request, in the order in which it is written. docs/audit.md explains each field. */
export interface AuditRecord {
  readonly time: string;
  readonly verdict: string;
  readonly would_be: number | undefined;
  readonly status: number;
  readonly method: string;
  readonly path: string | undefined;
  readonly database: string | undefined;
  readonly address: string;
  readonly user: string | undefined;
  readonly claimed: string | undefined;
  readonly auth: string;
  readonly grant: string | undefined;
  readonly missing: string | undefined;
  readonly reason: string | undefined;
  readonly 'user-agent': string;
  readonly 'request-id': string;
  readonly duration_ms: number;
}

/** Longer than what honest clients send; strangers fill no disk with one request. */
const MAX_LENGTH = 1024;

/** What the audit log says of a request that is over. Never a query, a header but User-Agent, or a body. */
export function recordOf(
  exchange: Exchange,
  status: number,
  endedMs: number,
  decide: Decide,
): AuditRecord {
  const { target, identity, judgement, wouldBe, claimed, startedMs } = exchange;
  const decided =
    identity === undefined || target === undefined ? undefined : decide(identity, target);
  return {
    time: new Date(startedMs).toISOString(),
    verdict: judgement === 'unread' ? 'unreadable' : judgement,
    would_be: wouldBe?.status,
    status,
    method: exchange.request.method,
    path: pathOf(exchange),
    database: databaseOf(exchange),
    address: exchange.clientAddress,
    user: present(identity?.name ?? ''),
    claimed: identity === undefined ? present(claimed) : undefined,
    auth: identity?.method ?? exchange.presented,
    grant: present(decided?.grant ?? ''),
    missing: present(decided?.missing ?? ''),
    reason: present(wouldBe?.message ?? exchange.reason),
    'user-agent': userAgentOf(exchange),
    'request-id': exchange.requestId,
    duration_ms: endedMs - startedMs,
  };
}

/** What makes two requests repeats of each other. */
export function repeatKeyOf(exchange: Exchange, status: number): string {
  const { identity, claimed, judgement, wouldBe } = exchange;
  return JSON.stringify([
    judgement,
    wouldBe?.status,
    status,
    exchange.request.method,
    pathOf(exchange),
    databaseOf(exchange),
    exchange.clientAddress,
    cut(identity?.name ?? claimed),
    identity?.method ?? exchange.presented,
    userAgentOf(exchange),
  ]);
}

function pathOf({ target }: Exchange): string | undefined {
  return target === undefined ? undefined : cut(shownPath(target));
}

function databaseOf({ target }: Exchange): string | undefined {
  if (target === undefined || !isWrite(target)) return undefined;
  return present(firstValue(target.query, 'db'));
}

function userAgentOf({ request }: Exchange): string {
  return cut(request.headers['user-agent'] ?? '');
}

function present(text: string): string | undefined {
  return text === '' ? undefined : cut(text);
}

function cut(text: string): string {
  return text.length <= MAX_LENGTH ? text : `${text.slice(0, MAX_LENGTH)}…`;
}
