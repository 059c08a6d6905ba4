import type { Config } from '../config/config.ts';

/**
 * What one of so many workers makes of a configuration: what is bounded for the whole is divided, so that all together
 * stay below it; metrics and readiness are asked of the primary.
 */
export function shareOf(config: Config, workers: number): Config {
  const share = (whole: number): number => Math.ceil(whole / workers);
  return {
    ...config,
    upstream: { ...config.upstream, maxConnections: share(config.upstream.maxConnections) },
    limits: { ...config.limits, maxConnections: share(config.limits.maxConnections) },
    admin: { bindAddress: undefined },
  };
}
