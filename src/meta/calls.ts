import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Attempt, Question } from './attempt.ts';
import { MetaFault } from './fault.ts';
import type { MetaNode } from './node.ts';
import { closed, createRounds } from './rounds.ts';
import type { Progress } from './rounds.ts';

/** Puts questions to whichever node answers. */
export interface Calls {
  /** @throws MetaFault */
  readonly ask: <T>(question: Question<T>) => Promise<T>;
  /** Calls under way fail, and so do later ones. */
  close(): void;
}

export interface CallsOptions {
  /** At least one. */
  readonly nodes: readonly MetaNode[];
  readonly attempt: Attempt;
  /** For the whole call: attempts, retries, pauses. */
  readonly timeoutMs: number;
}

/** Further calls would only wait for connections. */
const MAX_CALLS = 1024;
/** Between one round over the nodes and the next; the last one goes on. */
const PAUSES_MS = [20, 100, 400, 1000];
/** How long a call that begins while all nodes rest waits for one that is being tried: a healthy one needs less. */
const TRIAL_MS = 150;

export function createCalls({ nodes, attempt, timeoutMs }: CallsOptions): Calls {
  const closing = new AbortController();
  // One for each call: bounded by their number.
  setMaxListeners(0, closing.signal);
  const askRound = createRounds({ nodes, attempt, closing: closing.signal });
  let underWay = 0;

  const ask = async <T>(question: Question<T>): Promise<T> => {
    const startMs = performance.now();
    const progress: Progress = {
      deadlineMs: startMs + timeoutMs,
      spent: new Set(),
      faults: new Map(),
    };
    for (let round = 0; ; round++) {
      const found = await askRound(question, progress);
      if (found !== undefined) return found.value;
      const pauseMs = PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)] ?? 0;
      const endMs = lastMoment(nodes, progress, startMs);
      if (performance.now() + pauseMs > endMs) throw faultOf(nodes, progress);
      await pause(pauseMs, closing.signal);
    }
  };

  return {
    ask: async (question) => {
      if (closing.signal.aborted) throw closed();
      if (underWay >= MAX_CALLS) {
        throw new MetaFault('busy', `${MAX_CALLS} calls to the meta nodes are under way already`);
      }
      underWay++;
      try {
        return await ask(question);
      } finally {
        underWay--;
      }
    },
    close: () => closing.abort(),
  };
}

/** Until when a call goes on. One that has asked a node has all its time; one that found them all resting has none. */
function lastMoment(nodes: readonly MetaNode[], progress: Progress, startMs: number): number {
  const { faults, spent, deadlineMs } = progress;
  if (nodes.every((node) => spent.has(node))) return 0;
  if (faults.size > 0) return deadlineMs;
  return nodes.some((node) => node.isOnTrial) ? Math.min(startMs + TRIAL_MS, deadlineMs) : 0;
}

/** What each node failed with, in one sentence; of the kind of the last. */
function faultOf(nodes: readonly MetaNode[], { faults }: Progress): MetaFault {
  const all = [...faults.values()];
  const last = all.at(-1);
  if (last !== undefined) {
    return all.length === 1 ? last : new MetaFault(last.kind, all.map(messageOf).join('; '));
  }
  const why = nodes.flatMap((node) => node.state.lastFault ?? []).map(messageOf);
  return new MetaFault('resting', `no meta node is asked for a moment: ${why.join('; ')}`);
}

function messageOf(fault: MetaFault): string {
  return fault.message;
}

/** The timer keeps the process alive: a command that waits for an answer must not end in the pause. */
async function pause(ms: number, closing: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal: closing });
  } catch {
    throw closed();
  }
}
