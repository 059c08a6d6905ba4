import type { AccessRecord } from '../kernel/access-record.ts';
import type { Log } from '../kernel/log.ts';
import { firstValue } from '../kernel/query.ts';
import { isWrite } from '../kernel/routes.ts';
import { encodePath } from '../kernel/path.ts';

/** Writes one line a request, with the keys of Kapacitor's own access lines and a few more. */
export type AccessLog = (
  record: AccessRecord,
  status: number,
  bytes: number,
  endedMs: number,
) => void;

/** The query is left out: a mistyped `P=` would put a password there. A request that was not read has no path. */
export function createAccessLog(log: Log): AccessLog {
  return (record, status, bytes, endedMs) => {
    const { target, identity } = record;
    log.info('http request', {
      host: record.clientAddress,
      username: nameOf(record),
      method: record.method,
      path: target === undefined ? '-' : encodePath(target.path),
      db: target !== undefined && isWrite(target) ? firstValue(target.query, 'db') : undefined,
      protocol: `HTTP/${record.httpVersion}`,
      status,
      bytes,
      duration_ms: endedMs - record.startedMs,
      'request-id': record.requestId,
      'upstream-request-id': record.upstreamRequestId === '' ? undefined : record.upstreamRequestId,
      'user-agent': record.userAgent,
      auth: identity?.method,
      reason: record.reason === '' ? undefined : record.reason,
    });
  };
}

/** As Kapacitor writes it: "-" for nobody. */
function nameOf({ identity, claimed }: AccessRecord): string {
  const name = identity?.name ?? claimed;
  return name === '' ? '-' : name;
}
