import type { Method } from '../kernel/target.ts';
import { checkedPart } from '../kernel/wire/head-part.ts';

/** How long the body of a request is, as its head says it: in bytes, or nothing but where it ends. */
export type SentLength = number | 'chunked';

interface RequestHead {
  readonly method: Method;
  /** The target, encoded anew. */
  readonly path: string;
  /** Host and port of the upstream. */
  readonly host: string;
  /** Name and value in turn, without those that frame the body or belong to the connection. */
  readonly headers: readonly string[];
  readonly length: SentLength;
}

/** Their semantics know a body, so one without it says so (RFC 9110 §8.6). */
const WITH_BODY: ReadonlySet<Method> = new Set(['POST', 'PUT', 'PATCH']);

/**
 * Whether the answer to such a request ends its connection. Servers that send a body to HEAD, or take one of these
 * bodies for a next request, are old, but there are some.
 */
export function endsConnection({
  method,
  length,
}: Pick<RequestHead, 'method' | 'length'>): boolean {
  return method === 'HEAD' || (length !== 0 && !WITH_BODY.has(method));
}

/** The head of a request as it is sent: ISO-8859-1. Names are those of kernel/wire, and ours. */
export function requestHead(head: RequestHead): string {
  const { method, path, host, headers, length } = head;
  const connection = endsConnection(head) ? 'close' : 'keep-alive';
  let text = `${method} ${checkedPart(path)} HTTP/1.1\r\nhost: ${host}\r\nconnection: ${connection}\r\n`;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    text += `${headers[index] ?? ''}: ${checkedPart(headers[index + 1] ?? '')}\r\n`;
  }
  if (length === 'chunked') return `${text}transfer-encoding: chunked\r\n\r\n`;
  if (length === 0 && !WITH_BODY.has(method)) return `${text}\r\n`;
  return `${text}content-length: ${length}\r\n\r\n`;
}
