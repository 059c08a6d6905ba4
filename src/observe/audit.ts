import type { Exchange } from '../kernel/exchange.ts';
import { jsonLine } from '../kernel/json-line.ts';
import { isWrite } from '../kernel/routes.ts';
import { changeLine } from './audit-change.ts';
import type { AuditedChange, Author } from './audit-change.ts';
import type { AuditFile } from './audit-file.ts';
import { recordOf, repeatKeyOf } from './audit-record.ts';
import type { AuditRecord, Decide } from './audit-record.ts';

/** The audit log: who did, or tried to do, what, and which grant allowed it. */
export interface Audit {
  /** Notes a request that is over. */
  note(exchange: Exchange, status: number): void;
  /** Notes bytes that were no request. */
  noteUnread(address: string, status: number, reason: string): void;
  /** Notes a change of a user: the request's own line does not say of whom. */
  noteChange(change: AuditedChange, author: Author): void;
  /** Gives what was gathered to the file. */
  stop(): void;
}

interface AuditOptions {
  readonly file: Pick<AuditFile, 'append'>;
  /** Whether allowed reads are noted too, a line each. */
  readonly reads: boolean;
  /** Everybody passes: what changes nothing is noted too, repeats of it in one line. */
  readonly observe: boolean;
  readonly decide: Decide;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** For how long repeats are gathered into one line. */
  readonly gatherMs?: number;
}

interface Repeats {
  readonly first: AuditRecord;
  count: number;
  lastMs: number;
  longestMs: number;
}

const GATHER_MS = 60_000;
/** Some hundred bytes to some kilobytes each; all are written early where there are more. */
const MAX_GATHERED = 2_000;

/** @returns an audit log over a file */
export function createAudit(options: AuditOptions): Audit {
  const { file, now } = options;
  let isStopped = false;
  const gathered = new Map<string, Repeats>();
  const write = (record: object): void => {
    file.append(jsonLine(record));
  };
  const release = (): void => {
    for (const repeats of gathered.values()) write(lineOf(repeats));
    gathered.clear();
  };
  const timer = setInterval(release, options.gatherMs ?? GATHER_MS);
  timer.unref();
  return {
    note: (exchange, status) => {
      const keeping = keepingOf(exchange, options);
      if (keeping === 'nothing') return;
      const record = (): AuditRecord => recordOf(exchange, status, now(), options.decide);
      if (keeping === 'each' || isStopped) {
        write(record());
        return;
      }
      if (gathered.size >= MAX_GATHERED) release();
      gather(gathered, repeatKeyOf(exchange, status), record, now() - exchange.startedMs, now());
    },
    noteUnread: (address, status, reason) => {
      const time = new Date(now()).toISOString();
      write({ time, verdict: 'unreadable', status, address, reason });
    },
    noteChange: (change, author) => {
      file.append(changeLine(new Date(now()).toISOString(), change, author));
    },
    stop: () => {
      isStopped = true;
      clearInterval(timer);
      release();
    },
  };
}

/** Points are data, thousands a second: of them only repeats are kept. What changes something has a line of its own. */
function keepingOf(
  { target, judgement, wouldBe }: Exchange,
  { reads, observe }: AuditOptions,
): 'each' | 'repeats' | 'nothing' {
  if (judgement === 'unjudged') return 'nothing';
  if (target === undefined) return 'each';
  if (isWrite(target)) return 'repeats';
  if (target.method !== 'GET' && target.method !== 'HEAD') return 'each';
  const isRefused = judgement !== 'allowed' && wouldBe === undefined;
  if (isRefused || reads) return 'each';
  return observe ? 'repeats' : 'nothing';
}

function gather(
  gathered: Map<string, Repeats>,
  key: string,
  record: () => AuditRecord,
  durationMs: number,
  nowMs: number,
): void {
  const before = gathered.get(key);
  if (before === undefined) {
    gathered.set(key, { first: record(), count: 1, lastMs: nowMs, longestMs: durationMs });
    return;
  }
  before.count += 1;
  before.lastMs = nowMs;
  before.longestMs = Math.max(before.longestMs, durationMs);
}

/** The first of them, with how many there were, until when, and how long the longest took. */
function lineOf({ first, count, lastMs, longestMs }: Repeats): object {
  if (count === 1) return first;
  return { ...first, duration_ms: longestMs, count, until: new Date(lastMs).toISOString() };
}
