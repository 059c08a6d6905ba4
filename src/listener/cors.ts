import type { ClientRequest } from '../kernel/client-request.ts';

/** What answers tell browsers of the pages that may read them (CORS; Fetch Standard §3.3). */
export interface Cors {
  /** For the answer to this request, whatever it is; undefined: nothing, as no origin is allowed at all. */
  headersFor(request: Pick<ClientRequest, 'headers'>): CorsHeaders | undefined;
  /** For the answer to OPTIONS, beside those. */
  preflightFor(request: Pick<ClientRequest, 'headers'>): CorsHeaders;
}

type CorsHeaders = Readonly<Record<string, string>>;

/** Not Access-Control-Allow-Credentials: a page says itself as whom it comes; what the browser remembers is not its own. */
const READABLE = {
  // By X-Kapacitor-Version clients know what they talk to; the others are the gateway's own.
  'Access-Control-Expose-Headers': 'Request-Id, Retry-After, X-Kapacitor-Version',
};

/** Kapacitor's own lists, with HEAD and PUT, and with what the gateway knows. A browser asks again after ten minutes. */
const PREFLIGHT = {
  'Access-Control-Allow-Methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
  'Access-Control-Allow-Headers':
    'Accept, Accept-Encoding, Authorization, Content-Encoding, Content-Length, Content-Type, ' +
    'Request-Id, X-CSRF-Token, X-Requested-With',
  'Access-Control-Max-Age': '600',
};

const NONE: CorsHeaders = {};
/** No cache may give one origin's answer to another. */
const VARY = { Vary: 'Origin' };

/** @param allowedOrigins as browsers write them: compared byte by byte */
export function createCors(allowedOrigins: readonly string[]): Cors {
  const readable = new Map(
    allowedOrigins.map((origin) => [
      origin,
      { ...VARY, 'Access-Control-Allow-Origin': origin, ...READABLE },
    ]),
  );
  const others = allowedOrigins.length === 0 ? undefined : VARY;
  return {
    headersFor: ({ headers }) => readable.get(headers.origin ?? '') ?? others,
    preflightFor: ({ headers }) => (readable.has(headers.origin ?? '') ? PREFLIGHT : NONE),
  };
}
