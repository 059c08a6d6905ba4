import { namedInConnection, pairsOf } from './request-headers.ts';

/** What belongs to the connection to Kapacitor, and what the gateway decides itself. */
const DROPPED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-connection',
  'request-id',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface ResponseHead {
  /** Name and value in turn, for the client. */
  readonly headers: string[];
  /** Kapacitor's own id of the request, for the log. */
  readonly upstreamRequestId: string | undefined;
}

/** The answer's headers for the client: as Kapacitor sent them, with our request-id in place of its own. */
export function responseHead(rawHeaders: readonly string[], requestId: string): ResponseHead {
  const named = namedInConnection(rawHeaders);
  const headers: string[] = [];
  let upstreamRequestId: string | undefined;
  let versions = 0;
  for (const [name, value] of pairsOf(rawHeaders)) {
    const lower = name.toLowerCase();
    if (lower === 'request-id') upstreamRequestId = value;
    // Preview paths are dispatched twice by Kapacitor, and so is this header.
    if (lower === 'x-kapacitor-version' && versions++ > 0) continue;
    if (DROPPED.has(lower) || named.has(lower) || lower.startsWith('access-control-')) continue;
    headers.push(name, value);
  }
  headers.push('Request-Id', requestId);
  return { headers, upstreamRequestId };
}
