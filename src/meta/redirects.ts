import { MetaFault } from './fault.ts';
import type { HttpAnswer } from './http.ts';
import type { Setback } from './reading.ts';

export interface Redirects {
  /** Where the same question goes next, credentials and all; or why it goes nowhere. */
  next(from: string, path: string, answer: HttpAnswer): { readonly origin: string } | Setback;
}

export interface RedirectsOptions {
  /** Of all nodes in meta-addr. */
  readonly origins: readonly string[];
  /** With TLS and verification a host proves itself before it is asked; else only known ones are. */
  readonly verified: boolean;
}

/**
 * A follower sends to its leader by 307. Only the host is taken from `Location`: path and query are those that were
 * asked, so that nothing is asked for that was not meant.
 */
export function createRedirects({ origins, verified }: RedirectsOptions): Redirects {
  const known = new Set(origins);
  return {
    next: (from, path, { status, location }) => {
      if (status !== 307) {
        return refused(from, `by ${status}, where a meta node uses 307: check meta-addr`);
      }
      const target = readTarget(location, from);
      if (target === undefined) return refused(from, 'without saying where to');
      const { origin, protocol, pathname } = target;
      if (protocol !== new URL(from).protocol) {
        return refused(from, `to ${origin}, with another scheme: check meta-use-tls`);
      }
      if (pathname !== path) {
        return refused(from, `to ${origin}, and not to the same path: check meta-addr`);
      }
      if (verified || known.has(origin)) return { origin };
      return refused(
        from,
        `to ${origin}, which gets no credentials: add it to meta-addr, or use TLS with verification`,
      );
    },
  };
}

function readTarget(location: string | undefined, from: string): URL | undefined {
  return location !== undefined && URL.canParse(location, from)
    ? new URL(location, from)
    : undefined;
}

function refused(from: string, how: string): Setback {
  return {
    fault: new MetaFault('redirect', `meta node ${from} redirects ${how}`),
    then: 'elsewhere',
    blamed: true,
  };
}
