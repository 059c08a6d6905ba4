import type { Door } from '../listener/doors.ts';
import type { Figures } from '../observe/figures.ts';
import type { MetersSnapshot } from '../observe/meters.ts';
import type { Readiness } from '../observe/readiness.ts';
import type { ConfigTexts } from './config-texts.ts';

/** What a worker needs to know before it begins. */
export interface Beginning {
  /** What the configuration is read from: each worker has the same, whatever becomes of the files. */
  readonly texts: ConfigTexts;
  readonly workers: number;
  /** When the service started, in milliseconds since 1970: a worker that takes another's place is no new beginning. */
  readonly startedMs: number;
}

/** What one worker has counted. */
export interface Report {
  readonly meters: MetersSnapshot;
  readonly figures: Figures;
  readonly auditDropped: number;
  /** Node's own metrics of its process. */
  readonly process: readonly object[];
}

/** What a worker is asked, and what it answers. */
interface Answers {
  readonly report: Report;
  readonly look: Readiness;
  /** The next configuration is to be made whole, and not to count yet. */
  readonly prepare: { readonly failure: string | undefined };
  /** It is to count from now on. */
  readonly commit: { readonly failure: string | undefined };
}

export type Question =
  | { readonly to: 'report' | 'look' | 'commit' }
  | { readonly to: 'prepare'; readonly texts: ConfigTexts };

export type Answer = {
  [To in keyof Answers]: { readonly to: To; readonly value: Answers[To] };
}[keyof Answers];

/** What became of an attempt to log in. */
export type AttemptEnd = 'succeed' | 'fail' | 'forgive';

/** What the primary tells a worker. */
export type ToWorker =
  | { readonly kind: 'begin'; readonly beginning: Beginning }
  /** A client; its socket comes with it. */
  | { readonly kind: 'connection'; readonly door: Door['kind'] }
  | { readonly kind: 'question'; readonly id: number; readonly question: Question }
  /** What `prepare` made is not to count. */
  | { readonly kind: 'drop' }
  /** Log files were moved away. */
  | { readonly kind: 'reopen' }
  | { readonly kind: 'attempt'; readonly id: number; readonly waitMs: number }
  | { readonly kind: 'stop' };

/** What a worker tells the primary. */
export type FromWorker =
  /** It listens to what it is told. */
  | { readonly kind: 'here' }
  /** It takes clients. */
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly why: string }
  | { readonly kind: 'alive' }
  /** So many clients came since it last said so, and so many left. */
  | { readonly kind: 'clients'; readonly came: number; readonly left: number }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: Answer }
  /** `begin` takes an attempt, to be ended under the same id. */
  | {
      readonly kind: 'throttle';
      readonly id: number;
      readonly what: 'look' | 'begin';
      readonly address: string;
      readonly name: string;
    }
  | { readonly kind: 'end-attempt'; readonly id: number; readonly end: AttemptEnd };

/** Both ends are this very program: what has a kind is one of these. */
export function isToWorker(message: unknown): message is ToWorker {
  return hasKind(message);
}

/** As isToWorker. */
export function isFromWorker(message: unknown): message is FromWorker {
  return hasKind(message);
}

function hasKind(message: unknown): boolean {
  return typeof message === 'object' && message !== null && 'kind' in message;
}
