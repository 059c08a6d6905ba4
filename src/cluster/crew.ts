import type { ChildProcess } from 'node:child_process';
import type { Log } from '../kernel/log.ts';
import { openMember } from './member.ts';
import type { Member } from './member.ts';
import type { Beginning, FromWorker } from './messages.ts';

interface CrewOptions {
  readonly count: number;
  readonly fork: () => ChildProcess;
  /** As things stand when a worker begins. */
  readonly beginning: () => Beginning;
  readonly log: Log;
  readonly onReady: (member: Member) => void;
  readonly onMessage: (member: Member, message: FromWorker) => void;
  readonly onGone: (member: Member) => void;
  /** Told that workers end so often that it is no use to start others. */
  readonly onLost: (why: Error) => void;
  /** How long a worker may be silent before it is killed. */
  readonly silentMs?: number;
}

/** Why a worker cannot begin, in its own words. */
export class WorkerError extends Error {}

/** As long as systemd waits for a sign of life of the whole (systemd/kapgate.service). */
const SILENT_MS = 60_000;
/** So many ends within a minute are no accidents. */
const MAX_ENDS = 8;
const ENDS_WITHIN_MS = 60_000;
const FIRST_DELAY_MS = 100;

interface Life {
  readonly member: Member;
  isReady: boolean;
  /** What it said of why it cannot begin. */
  why: string | undefined;
  heardMs: number;
}

/** The worker processes: so many, whatever becomes of one of them. */
export class Crew {
  readonly #options: CrewOptions;
  readonly #lives = new Map<Member, Life>();
  readonly #delayed = new Set<NodeJS.Timeout>();
  #ends: number[] = [];
  #watch: NodeJS.Timeout | undefined;
  #began: { readonly resolve: () => void; readonly reject: (why: Error) => void } | undefined;
  #onEmpty: (() => void) | undefined;
  #isStopping = false;

  constructor(options: CrewOptions) {
    this.#options = options;
  }

  /** Resolves once all take clients. @throws what the first that cannot begin says of it */
  async start(): Promise<void> {
    const silentMs = this.#options.silentMs ?? SILENT_MS;
    this.#watch = setInterval(() => this.#killSilent(silentMs), silentMs / 10).unref();
    await new Promise<void>((resolve, reject) => {
      this.#began = { resolve, reject };
      for (let place = 1; place <= this.#options.count; place++) this.#open(place);
    });
    this.#began = undefined;
  }

  /** Those that take clients. */
  get ready(): readonly Member[] {
    return [...this.#lives.values()].filter(({ isReady }) => isReady).map(({ member }) => member);
  }

  /** Ends all others: what they began with does not count any more. New ones take their places. */
  renewAllBut(current: readonly Member[]): void {
    for (const member of this.#lives.keys()) if (!current.includes(member)) member.kill();
  }

  /** Resolves once all have ended; who has not in time is killed. */
  async stop(withinMs: number): Promise<void> {
    this.#isStopping = true;
    clearInterval(this.#watch);
    for (const timer of this.#delayed) clearTimeout(timer);
    if (this.#lives.size === 0) return;
    const late = setTimeout(() => this.renewAllBut([]), withinMs);
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      for (const member of this.#lives.keys()) member.tell({ kind: 'stop' });
    });
    clearTimeout(late);
  }

  #open(place: number): void {
    const member = openMember(this.#options.fork(), {
      place,
      onMessage: (from, message) => this.#hear(from, message),
      onExit: (gone, how) => this.#end(gone, how),
    });
    const heardMs = performance.now();
    this.#lives.set(member, { member, isReady: false, why: undefined, heardMs });
  }

  #hear(member: Member, message: FromWorker): void {
    const life = this.#lives.get(member);
    if (life === undefined) return;
    life.heardMs = performance.now();
    if (message.kind === 'here') {
      member.tell({ kind: 'begin', beginning: this.#options.beginning() });
    } else if (message.kind === 'failed') {
      life.why = message.why;
    } else if (message.kind === 'ready') {
      life.isReady = true;
      this.#options.onReady(member);
      if (this.ready.length === this.#options.count) this.#began?.resolve();
    } else {
      this.#options.onMessage(member, message);
    }
  }

  #end(member: Member, how: string): void {
    const life = this.#lives.get(member);
    this.#lives.delete(member);
    this.#options.onGone(member);
    if (this.#lives.size === 0) this.#onEmpty?.();
    if (this.#isStopping) return;
    const why = life?.why ?? `a worker ended with ${how}`;
    if (this.#began !== undefined) {
      this.#began.reject(new WorkerError(why));
      return;
    }
    this.#replace(member, how, life?.why);
  }

  #replace({ place, pid }: Member, how: string, cause: string | undefined): void {
    const now = performance.now();
    this.#ends = [...this.#ends, now].filter((atMs) => now - atMs < ENDS_WITHIN_MS);
    const ends = this.#ends.length;
    this.#options.log.error('a worker ended: another takes its place', {
      ...{ worker: place, pid, how, cause },
    });
    if (ends > MAX_ENDS) {
      const last = cause ?? how;
      const why = `workers ended ${ends} times within a minute, the last one with: ${last}`;
      this.#options.onLost(new Error(why));
      return;
    }
    const timer = setTimeout(
      () => {
        this.#delayed.delete(timer);
        this.#open(place);
      },
      FIRST_DELAY_MS * 2 ** (ends - 1),
    );
    this.#delayed.add(timer);
  }

  #killSilent(silentMs: number): void {
    const now = performance.now();
    for (const { member, heardMs } of this.#lives.values()) {
      if (now - heardMs < silentMs) continue;
      const { place, pid } = member;
      this.#options.log.error('a worker stands still and is killed', { worker: place, pid });
      member.kill();
    }
  }
}
