import { GatewayError } from '../kernel/errors.ts';

interface RequestHead {
  readonly httpVersion: string;
  /** Name and value in turn, as the client sent them. */
  readonly rawHeaders: readonly string[];
}

/** What may stand there once: Node and Kapacitor each take another one of two. */
const SINGLE = ['authorization', 'content-length', 'host', 'transfer-encoding'] as const;

/**
 * Refuses what two servers could frame, or attribute, differently (RFC 9112 §6, §11.2). Node's parser has refused
 * Content-Length beside Transfer-Encoding, differing lengths, and spaces where none may be.
 * @throws GatewayError bad-framing
 */
export function checkFraming({ httpVersion, rawHeaders }: RequestHead): void {
  if (httpVersion !== '1.1' && httpVersion !== '1.0')
    refuse('only HTTP/1.1 and HTTP/1.0 are spoken here');
  const counts = new Map<string, number>();
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index]?.toLowerCase() ?? '';
    counts.set(name, (counts.get(name) ?? 0) + 1);
    if (name === 'transfer-encoding') checkCoding(rawHeaders[index + 1] ?? '', httpVersion);
  }
  for (const name of SINGLE) {
    if ((counts.get(name) ?? 0) > 1) refuse(`the header "${name}" may stand there only once`);
  }
}

function checkCoding(coding: string, httpVersion: string): void {
  if (httpVersion === '1.0') refuse('HTTP/1.0 knows no Transfer-Encoding');
  if (coding !== 'chunked') refuse('the only Transfer-Encoding taken is "chunked"');
}

function refuse(message: string): never {
  throw new GatewayError('bad-framing', { message });
}
