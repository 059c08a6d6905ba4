import { z } from 'zod';
import type { Config } from '../../config/config.ts';

/** The Kapacitor behind the gateway, asked without the gateway. It may be down: then there is no answer. */
export interface Kapacitor {
  readonly url: string;
  /** "" where it answers without saying; undefined where it does not answer. */
  version(): Promise<string | undefined>;
  /** The names that its subscriptions can have: of its cluster, of the server. */
  subscriptionNames(): Promise<readonly string[]>;
  /** Has it look at its subscriptions now. True where it did. */
  link(): Promise<boolean>;
}

const TIMEOUT_MS = 5_000;
/** It talks to every InfluxDB that it has. */
const LINK_TIMEOUT_MS = 60_000;

const VARS = z.object({ cluster_id: z.string(), server_id: z.string() });

export function openKapacitor({ upstream: { url } }: Config): Kapacitor {
  const ask = (method: string, path: string, timeoutMs: number): Promise<Response | undefined> =>
    fetch(`${url}/kapacitor/v1${path}`, {
      method,
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    }).catch(() => undefined);
  return {
    url,
    version: async () => {
      const response = await ask('GET', '/ping', TIMEOUT_MS);
      return response?.ok === true
        ? (response.headers.get('x-kapacitor-version') ?? '')
        : undefined;
    },
    subscriptionNames: async () => {
      const response = await ask('GET', '/debug/vars', TIMEOUT_MS);
      const vars = VARS.safeParse(await response?.json().catch(() => undefined));
      if (!vars.success) return [];
      // services/influxdb/service.go getSubName
      return [`kapacitor-${vars.data.cluster_id}`, `kapacitor-${vars.data.server_id}`];
    },
    link: async () => (await ask('POST', '/subscriptions', LINK_TIMEOUT_MS))?.status === 204,
  };
}

/** From 1.5.8 on, `subscription-path` is known. */
export function knowsPaths(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split('.').map((each) => parseInt(each, 10));
  return major > 1 || (major === 1 && (minor > 5 || (minor === 5 && patch >= 8)));
}
