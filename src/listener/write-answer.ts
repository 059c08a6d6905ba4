import { STATUS_CODES } from 'node:http';
import type { Answer } from '../kernel/answer.ts';
import type { Exchange } from '../kernel/exchange.ts';

/** The one writer of answers that the gateway makes itself. A request that is still arriving ends its connection. */
export function writeAnswer(exchange: Exchange, answer: Answer): void {
  const { request, response } = exchange;
  const body = Buffer.from(answer.body);
  if (!request.body.hasArrived) response.isLast = true;
  const headers = {
    ...answer.headers,
    ...exchange.corsHeaders,
    ...lengthOf(answer),
    'Request-Id': exchange.requestId,
  };
  response.begin(answer.status, reasonOf(answer), Object.entries(headers).flat());
  response.writeSmall(body);
  exchange.finish();
}

/** An answer as bytes, for a connection on which no request could be read: it is closed behind it. */
export function rawAnswer(answer: Answer): string {
  const head = Object.entries({ ...answer.headers, ...lengthOf(answer), Connection: 'close' })
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join('');
  return `HTTP/1.1 ${answer.status} ${reasonOf(answer)}\r\n${head}\r\n${answer.body}`;
}

function reasonOf({ status }: Answer): string {
  return STATUS_CODES[status] ?? '';
}

/** 204 has no body and so no length (RFC 9110 §8.6). */
function lengthOf({ status, body }: Answer): Readonly<Record<string, string>> {
  return status === 204 ? {} : { 'Content-Length': String(Buffer.byteLength(body)) };
}
