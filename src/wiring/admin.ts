import type { Config } from '../config/config.ts';
import { messageOf } from '../kernel/errors.ts';
import { createAdmin } from '../observe/admin.ts';
import type { Admin } from '../observe/admin.ts';
import { sumFigures, sumMeta } from '../observe/figures.ts';
import { createMetrics } from '../observe/metrics.ts';
import { OK, readinessOf } from '../observe/readiness.ts';
import type { Look } from '../observe/readiness.ts';
import type { Generation, Lasting } from './generation.ts';
import type { Https } from './https.ts';

/** What came of the last reload. */
export interface ReloadState {
  /** Why it failed; the old configuration goes on. Undefined where it did not. */
  readonly failure: string | undefined;
  /** Keys whose value in the file is not the one that counts, until a restart. */
  readonly needsRestart: readonly string[];
}

interface Parts {
  readonly lasting: Lasting;
  readonly version: string;
  readonly https: Https;
  readonly current: () => Generation;
  /** Those whose requests still go on after a reload. */
  readonly retiring: () => readonly Generation[];
  readonly reload: () => ReloadState;
}

/** The admin listener, not yet listening; undefined where it is off. */
export function openAdmin({ admin }: Config, parts: Parts): Admin | undefined {
  if (admin.bindAddress === undefined) return undefined;
  const { lasting, version, current } = parts;
  const { log, meters, auditFile } = lasting;
  const metrics = createMetrics({
    version,
    meters,
    figures: () => {
      const figures = sumFigures(
        current().figures(),
        parts.retiring().map((each) => each.figures()),
      );
      const ended = lasting.ended.meta === undefined ? [] : [lasting.ended.meta];
      return { ...figures, meta: sumMeta(figures.meta, ended) };
    },
    auditDropped: () => auditFile?.dropped ?? 0,
    isOpen: () => current().warnings.length > 0,
    reloadFailed: () => parts.reload().failure !== undefined,
  });
  return createAdmin({
    address: admin.bindAddress,
    metrics,
    readiness: () => readinessOf({ ...current().looks, ...ownLooks(parts) }),
    onError: (error) => {
      log.error('the admin listener failed', { cause: messageOf(error) });
    },
  });
}

function ownLooks({ lasting, https, reload }: Parts): Readonly<Record<string, Look>> {
  const { auditFile } = lasting;
  return {
    config: () => {
      const { failure, needsRestart } = reload();
      if (failure !== undefined) {
        const detail = `the last reload failed, the old configuration goes on: ${failure}`;
        return { state: 'warning', detail };
      }
      return needsRestart.length === 0
        ? OK
        : { state: 'warning', detail: `only a restart takes up: ${needsRestart.join(', ')}` };
    },
    ...(https.settings === undefined ? {} : { tls: () => https.state() }),
    ...(auditFile === undefined
      ? {}
      : {
          audit: () =>
            auditFile.fault === undefined ? OK : { state: 'warning', detail: auditFile.fault },
        }),
  };
}
