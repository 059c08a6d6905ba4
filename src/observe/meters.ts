import type { ErrorCode } from '../kernel/errors.ts';
import type { Exchange, Judgement, Presented } from '../kernel/exchange.ts';
import type { Privilege } from '../kernel/privilege.ts';
import { isBareWrite } from './bare-writes.ts';
import { Histogram } from './histogram.ts';
import type { HistogramSnapshot } from './histogram.ts';
import { FAMILIES, familyOf } from './route-family.ts';
import type { RouteFamily } from './route-family.ts';

/** A count under its labels. */
export interface Count {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What came of credentials. `undecided`: nobody could say, or nothing was asked of them. */
export type LoginOutcome = 'accepted' | 'refused' | 'throttled' | 'undecided';

const VERDICTS: readonly Judgement[] = [
  'unread',
  'unjudged',
  'unknown',
  'cross-site',
  'throttled',
  'unauthorized',
  'forbidden',
  'allowed',
];
/** By the first digit; `gone`: the client left before there was an answer. */
const STATUSES = ['gone', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
const ASKED: readonly (Privilege | 'none')[] = ['read', 'write', 'delete', 'none'];

/** From what a ping takes to what makes InfluxDB give a write up. */
const UPSTREAM_BOUNDS = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
];
const PASSWORD_BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const MS_PER_SECOND = 1000;

/** What only needs to be added up. */
const SUMS = [
  'requestsInProgress',
  'receivedBytes',
  'sentBytes',
  'bareWrites',
  'failedHandshakes',
  'verifiedHits',
  'verifiedMisses',
] as const;

/** What one process has counted, as another one takes it: it survives JSON. */
export interface MetersSnapshot {
  readonly sums: Readonly<Record<(typeof SUMS)[number], number>>;
  /** By place, those that have happened. */
  readonly requests: readonly (readonly [place: number, count: number])[];
  readonly logins: readonly (readonly [Presented, readonly (readonly [LoginOutcome, number])[]])[];
  readonly failures: readonly (readonly [ErrorCode, number])[];
  readonly wouldBe: readonly (readonly [status: number, count: number])[];
  readonly upstream: Readonly<Record<keyof Meters['upstream'], HistogramSnapshot>>;
  readonly passwords: Readonly<Record<keyof Meters['passwords'], HistogramSnapshot>>;
}

/** What of a request is counted. */
type Noted = Pick<
  Exchange,
  'judgement' | 'failure' | 'wouldBe' | 'target' | 'presented' | 'identity'
>;

/**
 * What is counted from the start to the end of the process: plain numbers, so that a request pays next to nothing.
 * Every label has a closed list of values: nothing that a client sends makes another.
 */
export class Meters {
  requestsInProgress = 0;
  receivedBytes = 0;
  sentBytes = 0;
  bareWrites = 0;
  failedHandshakes = 0;
  verifiedHits = 0;
  verifiedMisses = 0;
  readonly upstream = {
    writes: new Histogram(UPSTREAM_BOUNDS),
    api: new Histogram(UPSTREAM_BOUNDS),
    streams: new Histogram(UPSTREAM_BOUNDS),
  };
  readonly passwords = {
    waited: new Histogram(PASSWORD_BOUNDS),
    worked: new Histogram(PASSWORD_BOUNDS),
  };
  readonly #requests = new Float64Array(
    VERDICTS.length * STATUSES.length * ASKED.length * FAMILIES.length,
  );
  readonly #logins = new Map<Presented, Map<LoginOutcome, number>>();
  readonly #failures = new Map<ErrorCode, number>();
  readonly #wouldBe = new Map<number, number>();

  /** Counts a request that is over. @param asked the privilege of its method */
  note(exchange: Noted, status: number, asked: Privilege | undefined): void {
    const { judgement, failure, wouldBe, target } = exchange;
    this.#noteRequest(judgement, status, asked, familyOf(target));
    if (failure !== undefined) increase(this.#failures, failure);
    if (wouldBe !== undefined) increase(this.#wouldBe, wouldBe.status);
    if (isBareWrite(exchange)) this.bareWrites++;
    this.#noteLogin(exchange);
  }

  /** Counts bytes that were no request. */
  noteUnread(status: number): void {
    this.#noteRequest('unread', status, undefined, 'unread');
  }

  noteUpstream(lane: keyof Meters['upstream'], tookMs: number): void {
    this.upstream[lane].add(tookMs / MS_PER_SECOND);
  }

  notePassword(waitedMs: number, workedMs: number): void {
    this.passwords.waited.add(waitedMs / MS_PER_SECOND);
    this.passwords.worked.add(workedMs / MS_PER_SECOND);
  }

  noteRecall(isHit: boolean): void {
    if (isHit) this.verifiedHits++;
    else this.verifiedMisses++;
  }

  /** Those that have happened. */
  requests(): readonly Count[] {
    const counts: Count[] = [];
    let index = 0;
    for (const verdict of VERDICTS) {
      for (const status of STATUSES) {
        for (const privilege of ASKED) {
          for (const route of FAMILIES) {
            const value = this.#requests[index++] ?? 0;
            if (value > 0) counts.push({ labels: { verdict, status, privilege, route }, value });
          }
        }
      }
    }
    return counts;
  }

  logins(): readonly Count[] {
    return [...this.#logins].flatMap(([credentials, outcomes]) =>
      Array.from(outcomes, ([outcome, value]) => ({ labels: { credentials, outcome }, value })),
    );
  }

  failures(): readonly Count[] {
    return Array.from(this.#failures, ([code, value]) => ({ labels: { code }, value }));
  }

  wouldBe(): readonly Count[] {
    return Array.from(this.#wouldBe, ([status, value]) => ({
      labels: { status: String(status) },
      value,
    }));
  }

  snapshot(): MetersSnapshot {
    const { writes, api, streams } = this.upstream;
    const { waited, worked } = this.passwords;
    return {
      sums: {
        requestsInProgress: this.requestsInProgress,
        receivedBytes: this.receivedBytes,
        sentBytes: this.sentBytes,
        bareWrites: this.bareWrites,
        failedHandshakes: this.failedHandshakes,
        verifiedHits: this.verifiedHits,
        verifiedMisses: this.verifiedMisses,
      },
      requests: [...this.#requests.entries()].filter(([, count]) => count > 0),
      logins: Array.from(this.#logins, ([presented, outcomes]) => [presented, [...outcomes]]),
      failures: [...this.#failures],
      wouldBe: [...this.#wouldBe],
      upstream: {
        writes: writes.snapshot(),
        api: api.snapshot(),
        streams: streams.snapshot(),
      },
      passwords: { waited: waited.snapshot(), worked: worked.snapshot() },
    };
  }

  /** Counts what another process has counted. */
  addAll(other: MetersSnapshot): void {
    for (const name of SUMS) this[name] += other.sums[name];
    for (const [place, count] of other.requests) {
      this.#requests[place] = (this.#requests[place] ?? 0) + count;
    }
    for (const [presented, outcomes] of other.logins) {
      const own = this.#logins.get(presented) ?? new Map<LoginOutcome, number>();
      for (const [outcome, count] of outcomes) increase(own, outcome, count);
      this.#logins.set(presented, own);
    }
    for (const [code, count] of other.failures) increase(this.#failures, code, count);
    for (const [status, count] of other.wouldBe) increase(this.#wouldBe, status, count);
    for (const lane of ['writes', 'api', 'streams'] as const) {
      this.upstream[lane].addAll(other.upstream[lane]);
    }
    for (const phase of ['waited', 'worked'] as const) {
      this.passwords[phase].addAll(other.passwords[phase]);
    }
  }

  #noteRequest(
    verdict: Judgement,
    status: number,
    asked: Privilege | undefined,
    route: RouteFamily,
  ): void {
    const byStatus = VERDICTS.indexOf(verdict) * STATUSES.length + statusIndex(status);
    const byPrivilege = byStatus * ASKED.length + ASKED.indexOf(asked ?? 'none');
    const index = byPrivilege * FAMILIES.length + FAMILIES.indexOf(route);
    this.#requests[index] = (this.#requests[index] ?? 0) + 1;
  }

  #noteLogin({ judgement, presented, identity }: Noted): void {
    if (judgement === 'unread' || judgement === 'unjudged') return;
    // An open gate, a free ping, the first admin: nobody logged in.
    if (identity?.method === 'anonymous' || identity?.method === 'bootstrap') return;
    const outcomes = this.#logins.get(presented);
    if (outcomes === undefined) this.#logins.set(presented, new Map([[outcomeOf(judgement), 1]]));
    else increase(outcomes, outcomeOf(judgement));
  }
}

const CLIENT_GONE = 499;

function statusIndex(status: number): number {
  if (status === CLIENT_GONE) return 0;
  const first = Math.floor(status / 100);
  // HTTP has no others, but Kapacitor's answers come from outside.
  return first >= 1 && first <= 5 ? first : 5;
}

function outcomeOf(judgement: Exclude<Judgement, 'unread' | 'unjudged'>): LoginOutcome {
  switch (judgement) {
    case 'allowed':
    case 'forbidden':
      return 'accepted';
    case 'unauthorized':
      return 'refused';
    case 'throttled':
      return 'throttled';
    case 'cross-site':
    case 'unknown':
      return 'undecided';
  }
}

function increase<K>(counts: Map<K, number>, key: K, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
