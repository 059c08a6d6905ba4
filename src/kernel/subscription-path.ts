import { encodePath } from './path.ts';
import { BASE } from './routes.ts';
import { Secret } from './secret.ts';
import type { Method, Target } from './target.ts';

/** What a path below `/sub` says: a credential, and the path that it stands for. */
interface SubscriptionPath {
  readonly secret: Secret;
  /** What is judged and sent. */
  readonly path: string;
}

/** All that is below it is the gateway's own, and never reaches Kapacitor. */
const AREA = '/sub';
const SEGMENTS = /^\/sub\/([^/]*)(\/.*)?$/i;

/** True below `/sub`, in any case, and where anything but a letter or digit follows: what was mistyped holds a secret too. */
export function isSubscriptionPath(path: string): boolean {
  return path.length >= AREA.length && /^\/sub(?:\W|$)/i.test(path);
}

/**
 * `/sub/SECRET/write` and `/sub/SECRET/ping` as what they stand for; every other path below `/sub` as `/sub` itself,
 * which nobody is granted and nobody answers. InfluxDB adds `/write` to the path of a subscription's URL
 * (influxdb client/v2 client.go; 1.5 and newer), with or without a slash at its end.
 */
export function readSubscriptionPath(method: Method, path: string): SubscriptionPath {
  const [, secret = '', rest = ''] = SEGMENTS.exec(path) ?? [];
  return { secret: new Secret(secret), path: meantBy(method, path, rest) };
}

function meantBy(method: Method, path: string, rest: string): string {
  if (!path.startsWith(`${AREA}/`)) return AREA;
  if (method === 'POST' && rest === '/write') return '/write';
  if ((method === 'GET' || method === 'HEAD') && rest === '/ping') return `${BASE}/ping`;
  return AREA;
}

/** True where the gateway has nothing to answer with and Kapacitor is not to be asked. */
export function isNowhere({ path }: Target): boolean {
  return path === AREA;
}

/** The path as a log may show it: encoded, and without a secret. */
export function shownPath({ path, subscription }: Target): string {
  if (subscription === undefined) return encodePath(path);
  return `${AREA}/[redacted]${path === AREA ? '' : path.slice(path.lastIndexOf('/'))}`;
}
