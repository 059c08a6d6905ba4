import type { Socket } from 'node:net';
import type { ClientRequest, RequestHeaders } from '../kernel/client-request.ts';
import { lowerName } from '../kernel/header-names.ts';
import type { IncomingBody } from './incoming-body.ts';
import type { RequestHead } from './request-head.ts';

/** A request as it was read from a connection. */
export class IncomingRequest implements ClientRequest {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly body: IncomingBody;
  readonly socket: Socket;
  #headers: RequestHeaders | undefined;

  constructor(head: RequestHead, body: IncomingBody, socket: Socket) {
    this.method = head.method;
    this.url = head.url;
    this.httpVersion = head.httpVersion;
    this.rawHeaders = head.rawHeaders;
    this.body = body;
    this.socket = socket;
  }

  get headers(): RequestHeaders {
    return (this.#headers ??= headersByName(this.rawHeaders));
  }
}

/** @param rawHeaders name and value in turn */
function headersByName(rawHeaders: readonly string[]): RequestHeaders {
  // Without a prototype: a client may call a header "constructor".
  const headers: Record<string, string | undefined> = Object.create(null) as Record<
    string,
    string | undefined
  >;
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = lowerName(rawHeaders[index] ?? '');
    const value = rawHeaders[index + 1] ?? '';
    const before = headers[name];
    headers[name] = before === undefined ? value : `${before}, ${value}`;
  }
  return headers;
}
