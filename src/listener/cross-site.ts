import type { Exchange } from '../kernel/exchange.ts';
import { goQuote } from '../kernel/go-text.ts';
import type { Target } from '../kernel/target.ts';

/** Why a request is refused that a page of another site had a browser send; undefined: it is none. */
export type CrossSite = (exchange: Exchange, target: Target) => string | undefined;

interface CrossSiteOptions {
  readonly allowedOrigins: readonly string[];
  readonly trustedProxies: readonly string[];
}

/** What changes nothing (RFC 9110 §9.2.1); that pages of other origins do not read it, CORS sees to. */
const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * No page adds these to a request for another origin without a preflight, which is refused. Chronograf's proxy adds the
 * first to what its own page sent, with the Origin of that page.
 */
const OF_PROXIES = ['x-forwarded-for', 'forwarded', 'via'] as const;
const OF_SCRIPTS = 'x-requested-with';

const REFUSED = 'cross-site request refused';

/**
 * A browser sends along the credentials that it has, whichever page asks for the request; Kapacitor takes the body of a
 * form for JSON. What sends neither Origin nor Sec-Fetch-Site is no browser.
 * Source: Fetch Metadata (W3C), and Go's net/http CrossOriginProtection.
 */
export function createCrossSite({ allowedOrigins, trustedProxies }: CrossSiteOptions): CrossSite {
  const allowed = new Set(allowedOrigins);
  const provesProxy = trustedProxies.length === 0;
  return ({ request: { headers }, https }, { method }) => {
    if (SAFE.has(method)) return undefined;
    const { origin, host = '' } = headers;
    const site = headers['sec-fetch-site'];
    // The browser itself says so, and knows better: a proxy may have changed Host.
    if (site === 'same-origin' || (origin !== undefined && allowed.has(origin))) return undefined;
    const isForeign = origin !== undefined && !isOwn(origin, host, https);
    const isCrossSite = site === 'cross-site';
    if (!isForeign && !isCrossSite) return undefined;
    if (headers[OF_SCRIPTS] !== undefined) return undefined;
    // A proxy of ours adds them to everything, so they prove nothing against a browser that says where it stands.
    const countsProxies = provesProxy || !isCrossSite;
    if (countsProxies && OF_PROXIES.some((name) => headers[name] !== undefined)) return undefined;
    return isForeign
      ? `${REFUSED}: a page of ${shown(origin)} sent it, which [http] allowed-origins does not name`
      : `${REFUSED}: the browser says that a page of another site sent it`;
  };
}

const DEFAULT_PORTS = { http: ':80', https: ':443' } as const;

/** Whether a page of this origin was served under the name by which the gateway is asked. */
function isOwn(origin: string, host: string, https: boolean): boolean {
  const [, scheme, site] = /^(https?):\/\/([^/?#@\s]+)$/.exec(origin.toLowerCase()) ?? [];
  if (site === undefined || host === '') return false;
  // Where the gateway speaks no TLS itself, something before it may.
  if (https && scheme === 'http') return false;
  const port = DEFAULT_PORTS[scheme === 'https' ? 'https' : 'http'];
  return without(port, site) === without(port, host.toLowerCase());
}

function without(end: string, text: string): string {
  return text.endsWith(end) ? text.slice(0, -end.length) : text;
}

/** Longer ones no browser sends; they would only fill the log. */
const MAX_SHOWN = 256;

function shown(origin: string): string {
  return goQuote(origin.slice(0, MAX_SHOWN));
}
