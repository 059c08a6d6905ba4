import { sumMeta, togetherOf } from '../observe/figures.ts';
import type { MetaFigures } from '../observe/figures.ts';
import type { Counted } from '../observe/metric-families.ts';
import { Meters } from '../observe/meters.ts';
import { OK, readinessOf, worstOf } from '../observe/readiness.ts';
import type { Look, Readiness } from '../observe/readiness.ts';
import { configLook } from '../wiring/state.ts';
import type { ReloadState } from '../wiring/state.ts';
import type { Member } from './member.ts';
import type { Report } from './messages.ts';

/** What all workers together count, and how they are. */
export interface Whole {
  counted(): Promise<Counted>;
  readiness(): Promise<Readiness>;
  /** The worker is gone: what it had counted when it was last asked goes on being counted. */
  keep(member: Member): void;
}

interface Parts {
  /** How many workers there are to be. */
  readonly count: number;
  readonly ready: () => readonly Member[];
  readonly reload: () => ReloadState;
}

/** A scraper waits ten seconds. */
const REPORT_MS = 4_000;
/** Longer than a worker looks at its parts (observe/readiness.ts). */
const LOOK_MS = 6_000;

export function createWhole(parts: Parts): Whole {
  const last = new Map<Member, Report>();
  /** Of workers that are gone. */
  const kept = new Meters();
  let keptDropped = 0;
  let keptMeta: MetaFigures | undefined;
  return {
    counted: async () => {
      const asked = parts.ready().map(async (member) => {
        const answer = await member.ask({ to: 'report' }, REPORT_MS);
        if (answer?.to === 'report' && parts.ready().includes(member)) {
          last.set(member, answer.value);
        }
      });
      await Promise.all(asked);
      // Of one that does not answer: what it said before. No count may ever go back.
      const reports = [...last.values()];
      const meters = new Meters();
      meters.addAll(kept.snapshot());
      for (const report of reports) meters.addAll(report.meters);
      const figures = togetherOf(reports.map((report) => report.figures));
      return {
        meters,
        figures: {
          ...figures,
          meta: sumMeta(figures.meta, keptMeta === undefined ? [] : [keptMeta]),
        },
        auditDropped: reports.reduce((sum, { auditDropped }) => sum + auditDropped, keptDropped),
        others: reports.map(({ process }) => process),
      };
    },
    readiness: async () => {
      const own: Readonly<Record<string, Look>> = {
        config: configLook(parts.reload),
        workers: () => stateOf(parts),
      };
      const [mine, ...theirs] = await Promise.all([
        readinessOf(own),
        ...parts.ready().map((member) => readinessIn(member)),
      ]);
      return worstOf([mine, ...theirs]);
    },
    keep: (member) => {
      const report = last.get(member);
      last.delete(member);
      if (report === undefined) return;
      const { sums } = report.meters;
      kept.addAll({ ...report.meters, sums: { ...sums, requestsInProgress: 0 } });
      keptDropped += report.auditDropped;
      if (report.figures.meta !== undefined) keptMeta = sumMeta(keptMeta, [report.figures.meta]);
    },
  };
}

function stateOf({ count, ready }: Parts): ReturnType<Look> {
  const there = ready().length;
  if (there === count) return OK;
  const detail = `${there} of ${count} take clients, the others are being started`;
  return { state: there === 0 ? 'fault' : 'warning', detail };
}

async function readinessIn(member: Member): Promise<Readiness> {
  const answer = await member.ask({ to: 'look' }, LOOK_MS);
  if (answer?.to === 'look') return answer.value;
  const detail = `worker ${member.place} does not answer`;
  return { ready: false, parts: { workers: { state: 'fault', detail } } };
}
