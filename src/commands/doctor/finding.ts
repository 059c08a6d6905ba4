/** One thing that the doctor looked at. */
export interface Finding {
  /** What it is about: a word. */
  readonly part: Part;
  /** `unseen`: it could not be looked at, which is no good news and no bad. */
  readonly result: 'ok' | 'warning' | 'fault' | 'unseen';
  readonly what: string;
  /** Why it matters; undefined where all is well. */
  readonly why?: string | undefined;
  /** What mends it, as it is to be typed where that can be said. */
  readonly fix?: string | undefined;
}

export type Part =
  'gate' | 'kapacitor' | 'around' | 'inputs' | 'files' | 'certificates' | 'clock' | 'subscriptions';

/** What is wrong, why that matters and what mends it. */
export interface Complaint {
  readonly what: string;
  readonly why: string;
  readonly fix: string;
}

/** All is well. */
export function ok(part: Part, what: string): Finding {
  return { part, result: 'ok', what };
}

/** A way around the gate, or what will stop it. */
export function fault(part: Part, complaint: Complaint): Finding {
  return { part, result: 'fault', ...complaint };
}

/** What may be meant so, and what will be a fault one day. */
export function warning(part: Part, complaint: Complaint): Finding {
  return { part, result: 'warning', ...complaint };
}

/** What could not be looked at, and how it could be. */
export function unseen(part: Part, what: string, fix?: string): Finding {
  return { part, result: 'unseen', what, fix };
}
