import { sumFigures, sumMeta } from '../observe/figures.ts';
import type { Counted } from '../observe/metric-families.ts';
import { OK, readinessOf } from '../observe/readiness.ts';
import type { Look, Readiness } from '../observe/readiness.ts';
import type { Generation, Lasting } from './generation.ts';
import type { Https } from './https.ts';

/** What came of the last reload. */
export interface ReloadState {
  /** Why it failed; the old configuration goes on. Undefined where it did not. */
  readonly failure: string | undefined;
  /** Keys whose value in the file is not the one that counts, until a restart. */
  readonly needsRestart: readonly string[];
}

/** What one process tells of itself. */
export interface State {
  counted(): Counted;
  readiness(): Promise<Readiness>;
}

interface Parts {
  readonly lasting: Lasting;
  readonly https: Https;
  readonly current: () => Generation;
  /** Those whose requests still go on after a reload. */
  readonly retiring: () => readonly Generation[];
  readonly reload: () => ReloadState;
}

/** Over whatever generation is there. */
export function createState(parts: Parts): State {
  const { lasting, current, retiring } = parts;
  const { meters, auditFile } = lasting;
  return {
    counted: () => {
      const figures = sumFigures(
        current().figures(),
        retiring().map((each) => each.figures()),
      );
      const ended = lasting.ended.meta === undefined ? [] : [lasting.ended.meta];
      return {
        meters,
        figures: { ...figures, meta: sumMeta(figures.meta, ended) },
        auditDropped: auditFile?.dropped ?? 0,
      };
    },
    readiness: () => readinessOf({ ...current().looks, ...ownLooks(parts) }),
  };
}

function ownLooks({ lasting, https, reload }: Parts): Readonly<Record<string, Look>> {
  const { auditFile } = lasting;
  return {
    config: configLook(reload),
    ...(https.settings === undefined ? {} : { tls: () => https.state() }),
    ...(auditFile === undefined
      ? {}
      : {
          audit: () =>
            auditFile.fault === undefined ? OK : { state: 'warning', detail: auditFile.fault },
        }),
  };
}

/** Whether what stands in the configuration is what counts. */
export function configLook(reload: () => ReloadState): Look {
  return () => {
    const { failure, needsRestart } = reload();
    if (failure !== undefined) {
      const detail = `the last reload failed, the old configuration goes on: ${failure}`;
      return { state: 'warning', detail };
    }
    return needsRestart.length === 0
      ? OK
      : { state: 'warning', detail: `only a restart takes up: ${needsRestart.join(', ')}` };
  };
}
