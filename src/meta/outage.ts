import { MetaFault } from './fault.ts';

/** How often and for how long the meta nodes could not say what they were asked. */
export interface OutageCounts {
  readonly isOut: boolean;
  readonly outages: number;
  /** Logins that went on with what was known before an outage. */
  readonly wentOn: number;
}

export interface OutageEvents {
  /** Told once, at the first fault. */
  began(fault: MetaFault): void;
  /** Told once, at the first answer after it. */
  ended(outage: { readonly lastedMs: number; readonly wentOn: number }): void;
}

export interface OutageWatch {
  /** Asks, and notes whether that was answered. @param isAnswer whether a fault is as good as an answer */
  ask<T>(call: () => Promise<T>, isAnswer?: (thrown: unknown) => boolean): Promise<T>;
  noteStale(): void;
  counts(): OutageCounts;
}

/** Watches what becomes of calls: one word at the beginning of an outage, and one at its end. */
export function createOutageWatch(events: OutageEvents, now: () => number): OutageWatch {
  let began: { readonly atMs: number; readonly wentOnBefore: number } | undefined;
  let outages = 0;
  let wentOn = 0;

  const noteAnswer = (): void => {
    if (began === undefined) return;
    const { atMs, wentOnBefore } = began;
    began = undefined;
    events.ended({ lastedMs: now() - atMs, wentOn: wentOn - wentOnBefore });
  };
  const noteFault = (fault: MetaFault): void => {
    if (began !== undefined) return;
    began = { atMs: now(), wentOnBefore: wentOn };
    outages++;
    events.began(fault);
  };

  return {
    ask: async (call, isAnswer = () => false) => {
      try {
        const answer = await call();
        noteAnswer();
        return answer;
      } catch (thrown) {
        if (isAnswer(thrown)) noteAnswer();
        else if (thrown instanceof MetaFault) noteFault(thrown);
        throw thrown;
      }
    },
    noteStale: () => {
      wentOn++;
    },
    counts: () => ({ isOut: began !== undefined, outages, wentOn }),
  };
}
