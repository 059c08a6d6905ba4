import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import type { Log } from '../kernel/log.ts';
import { createAdmin } from '../observe/admin.ts';
import type { Admin } from '../observe/admin.ts';
import type { MetricSources } from '../observe/metric-families.ts';
import { createMetrics } from '../observe/metrics.ts';
import type { Readiness } from '../observe/readiness.ts';

interface Parts extends MetricSources {
  readonly log: Log;
  readonly readiness: () => Promise<Readiness>;
}

/** The admin listener, not yet listening; undefined where it is off. */
export function openAdmin({ admin }: Config, parts: Parts): Admin | undefined {
  if (admin.bindAddress === undefined) return undefined;
  return createAdmin({
    address: admin.bindAddress,
    metrics: createMetrics(parts),
    readiness: parts.readiness,
    onError: (error) => {
      parts.log.error('the admin listener failed', { cause: messageOf(error) });
    },
  });
}
