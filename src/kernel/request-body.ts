import type { IncomingMessage } from 'node:http';

/** The length that a request announces for its body; undefined where it announces none, or a chunked one. */
export function announcedLength({ headers }: IncomingMessage): number | undefined {
  const length = headers['content-length'];
  return length === undefined ? undefined : Number(length);
}

/** A body is announced by its framing (RFC 9112 §6.3), not by the method. */
export function hasBody(request: IncomingMessage): boolean {
  return request.headers['transfer-encoding'] !== undefined || (announcedLength(request) ?? 0) > 0;
}

/**
 * True where all of a request has come, read or waiting in Node's buffer. Node itself says `complete` only a moment
 * later, when everything that its last byte set off has run.
 */
export function hasArrived(request: IncomingMessage): boolean {
  return (
    request.complete || !hasBody(request) || request.readableLength === announcedLength(request)
  );
}
