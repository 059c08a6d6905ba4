import { Secret } from '../../kernel/secret.ts';

/** Where a subscription sends its points, as far as the gate is concerned. */
export type Destination =
  /** It comes to the gate by a secret path that it knows, or with credentials that it may know. */
  | { readonly kind: 'gate'; readonly by: 'path' | 'credentials' }
  /** To the gate, by a path that it does not know. */
  | { readonly kind: 'stale' }
  /** To the gate, with nothing that says who it is. */
  | { readonly kind: 'bare' }
  /** Past the gate: to Kapacitor's own port, or by UDP. */
  | { readonly kind: 'around' }
  /** To another machine or port. */
  | { readonly kind: 'elsewhere' };

/** What tells gate and Kapacitor from others. */
export interface Ends {
  /** The gateway, as this machine reaches it. */
  readonly gateUrl: string;
  readonly gatePort: number;
  readonly upstreamPort: number;
  /** True for a host that is this machine. */
  readonly isHere: (host: string) => Promise<boolean>;
  /** True for the secret of a subscription; undefined where the store cannot be read. */
  readonly isKnown: (secret: Secret) => boolean | undefined;
}

/** Reads a subscription's URL. */
export async function readDestination(url: string, ends: Ends): Promise<Destination> {
  const scheme = url.split(':')[0]?.toLowerCase() ?? '';
  if (!URL.canParse(url)) return { kind: 'elsewhere' };
  const {
    hostname,
    port: given,
    username,
    pathname,
    searchParams,
  } = new URL(
    // The parser knows the parts of these, but not of udp:.
    url.replace(/^[a-z]+:/i, 'http:'),
  );
  const isHere = await ends.isHere(hostname.replace(/^\[|\]$/g, ''));
  if (!isHere) return { kind: 'elsewhere' };
  if (scheme === 'udp') return { kind: 'around' };
  const port = given === '' ? (scheme === 'https' ? 443 : 80) : Number(given);
  if (port === ends.upstreamPort) return { kind: 'around' };
  if (port !== ends.gatePort) return { kind: 'elsewhere' };
  const secret = secretIn(pathname);
  if (secret !== undefined) {
    // Where the store cannot be read, the path is taken at its word.
    return ends.isKnown(secret) === false ? { kind: 'stale' } : { kind: 'gate', by: 'path' };
  }
  const isNamed = username !== '' || (searchParams.has('u') && searchParams.has('p'));
  return isNamed ? { kind: 'gate', by: 'credentials' } : { kind: 'bare' };
}

/** The secret of `/sub/SECRET`; the slash before it may be left out in kapacitor.conf. */
export function secretIn(path: string): Secret | undefined {
  const [, secret] = /^\/?sub\/([^/]+)\/?$/.exec(path) ?? [];
  return secret === undefined ? undefined : new Secret(secret);
}
