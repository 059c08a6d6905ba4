import { rememberNames } from '../kernel/header-names.ts';
import { namedInConnection } from './request-headers.ts';

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

/** What the gateway itself says in an answer of Kapacitor's. */
interface Said {
  readonly requestId: string;
  readonly corsHeaders: Readonly<Record<string, string>> | undefined;
}

/** The answer's headers for the client: as Kapacitor sent them, with what the gateway says in place of its own. */
export function responseHead(
  rawHeaders: readonly string[],
  { requestId, corsHeaders }: Said,
): ResponseHead {
  const named = namedInConnection(rawHeaders);
  const headers: string[] = [];
  let upstreamRequestId: string | undefined;
  let hasVersion = false;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? '';
    const value = rawHeaders[index + 1] ?? '';
    const { lower, isDropped } = judgeName(name);
    if (lower === 'request-id') upstreamRequestId = value;
    if (isDropped || named.has(lower)) continue;
    if (lower === 'x-kapacitor-version') {
      // Preview paths are dispatched twice by Kapacitor, and so is this header.
      if (hasVersion) continue;
      hasVersion = true;
    }
    headers.push(name, value);
  }
  headers.push('Request-Id', requestId);
  if (corsHeaders !== undefined) headers.push(...Object.entries(corsHeaders).flat());
  return { headers, upstreamRequestId };
}

const judgeName = rememberNames((name) => {
  const lower = name.toLowerCase();
  return { lower, isDropped: DROPPED.has(lower) || lower.startsWith('access-control-') };
});
