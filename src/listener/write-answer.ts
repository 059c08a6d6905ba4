import { STATUS_CODES } from 'node:http';
import type { Answer } from '../kernel/answer.ts';
import type { Exchange } from '../kernel/exchange.ts';
import { hasArrived } from '../kernel/request-body.ts';

/** The one writer of answers that the gateway makes itself. A request that is still arriving ends its connection. */
export function writeAnswer(exchange: Exchange, answer: Answer): void {
  const { request, response } = exchange;
  if (!hasArrived(request)) response.shouldKeepAlive = false;
  response.writeHead(answer.status, {
    ...answer.headers,
    ...exchange.corsHeaders,
    ...lengthOf(answer),
    'Request-Id': exchange.requestId,
  });
  if (answer.body !== '' && request.method !== 'HEAD') response.write(answer.body);
  exchange.finish();
}

/** An answer as bytes, for a connection on which no request could be read: it is closed behind it. */
export function rawAnswer(answer: Answer): string {
  const head = Object.entries({ ...answer.headers, ...lengthOf(answer), Connection: 'close' })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  const reason = STATUS_CODES[answer.status] ?? '';
  return `HTTP/1.1 ${answer.status} ${reason}\r\n${head}\r\n${answer.body}`;
}

/** 204 has no body and so no length (RFC 9110 §8.6). */
function lengthOf({ status, body }: Answer): Readonly<Record<string, string>> {
  return status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
}
