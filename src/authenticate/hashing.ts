import { availableParallelism } from 'node:os';
import { GatewayError } from '../kernel/errors.ts';
import { createFairQueue } from './hashing-queue.ts';
import type { Turn } from './hashing-queue.ts';
import { createHashingThreads } from './hashing-threads.ts';
import type { HashingJob } from './hashing-threads.ts';

/** How many are at work and how many wait. */
interface HashingLoad {
  readonly running: number;
  readonly waiting: number;
}

/** Hashes off the event loop, a bounded number at a time, with a bounded and fair queue before them. */
export interface Hashing {
  /** @throws GatewayError overloaded: the queue is full, or nobody waits for the outcome any more */
  run(job: HashingJob, turn: Turn): Promise<string | boolean>;
  load(): HashingLoad;
  close(): Promise<void>;
}

interface HashingOptions {
  readonly maxAtOnce?: number;
  readonly maxWaiting?: number;
  /** How many processes there are that hash: both bounds are divided among them. */
  readonly processes?: number;
  /** Told of each, once it is done. */
  readonly onDone?: (waitedMs: number, workedMs: number) => void;
}

/** One processor stays free of hashes, for the event loop. Each thread takes some megabytes. */
const MAX_AT_ONCE = Math.min(3, Math.max(1, availableParallelism() - 1));
/** Some seconds of work at cost 10; who comes later is told to come again. */
const MAX_WAITING = 128;

export function createHashing(options: HashingOptions = {}): Hashing {
  const { processes = 1, onDone } = options;
  const {
    maxAtOnce = Math.max(1, Math.floor(MAX_AT_ONCE / processes)),
    maxWaiting = Math.ceil(MAX_WAITING / processes),
  } = options;
  const threads = createHashingThreads();
  const queue = createFairQueue<Waiting>({ maxWaiting, onRefused: refuse });
  let running = 0;
  const enter = (turn: Turn): Promise<void> | undefined => {
    if (running >= maxAtOnce) {
      // Who leaves hands the place on: `running` stays as it is.
      return new Promise((enter, refuse) => {
        queue.add({ ...turn, enter, refuse });
      });
    }
    running++;
    return undefined;
  };
  const leave = (): void => {
    const next = queue.next();
    if (next === undefined) running--;
    else next.enter();
  };
  return {
    run: async (job, turn) => {
      const cameMs = performance.now();
      await enter(turn);
      const beganMs = performance.now();
      try {
        return await threads.run(job);
      } finally {
        leave();
        onDone?.(beganMs - cameMs, performance.now() - beganMs);
      }
    },
    load: () => ({ running, waiting: queue.size }),
    close: () => threads.close(),
  };
}

interface Waiting extends Turn {
  enter(): void;
  refuse(error: GatewayError): void;
}

function refuse(waiting: Waiting): void {
  waiting.refuse(
    new GatewayError('overloaded', {
      message: 'too many logins are being checked, try again',
    }),
  );
}
