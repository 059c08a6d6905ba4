import { GatewayError } from '../kernel/errors.ts';

interface RequestHead {
  readonly httpVersion: string;
  /** Name and value in turn, as the client sent them. */
  readonly rawHeaders: readonly string[];
}

/** What may stand there once: Node and Kapacitor each take another one of two. */
const SINGLE = ['authorization', 'content-length', 'host', 'transfer-encoding'] as const;

/**
 * Refuses what two servers could frame, or attribute, differently (RFC 9112 §3.2, §6, §11.2). Node's parser has
 * refused Content-Length beside Transfer-Encoding, differing lengths, and spaces where none may be.
 * @throws GatewayError bad-framing, bad-expectation
 */
export function checkFraming({ httpVersion, rawHeaders }: RequestHead): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    refuse('only HTTP/1.1 and HTTP/1.0 are spoken here');
  const counts = new Map<string, number>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
    checkHeader(name, rawHeaders[index + 1] ?? '', httpVersion);
  }
  for (const name of SINGLE) {
    if ((counts.get(name) ?? 0) > 1) refuse(`the header "${name}" may stand there only once`);
  }
  if (httpVersion === '1.1' && !counts.has('host')) refuse('HTTP/1.1 demands a "Host" header');
}

function checkHeader(name: string, value: string, httpVersion: string): void {
  switch (name) {
    case 'transfer-encoding':
      if (httpVersion === '1.0') refuse('HTTP/1.0 knows no Transfer-Encoding');
      if (value !== 'chunked') refuse('the only Transfer-Encoding taken is "chunked"');
      return;
    case 'content-length':
      // Past 2^53 a number of JavaScript is no longer the one that was sent.
      if (!/^\d+$/.test(value) || !Number.isSafeInteger(Number(value))) {
        refuse('the Content-Length is not a length');
      }
      return;
    case 'expect':
      // RFC 9110 §10.1.1; from an HTTP/1.0 client it means nothing.
      if (httpVersion === '1.1' && value.toLowerCase() !== '100-continue') {
        throw new GatewayError('bad-expectation');
      }
  }
}

function refuse(message: string): never {
  throw new GatewayError('bad-framing', { message });
}
