import { Worker } from 'node:worker_threads';
import type { PasswordForm } from './password-forms.ts';

/** What a thread is given to do. Passwords are in clear here: a thread is a part of this process. */
export type HashingJob =
  | { readonly kind: 'hash'; readonly password: string; readonly cost: number }
  | {
      readonly kind: 'compare';
      readonly password: string;
      /** Undefined: nobody's, which nothing matches. */
      readonly form: PasswordForm | undefined;
      /** bcrypt hashes that a password which does not match is compared with, for the time that it takes. */
      readonly onFailure: readonly string[];
    };

export type Outcome = { readonly result: string | boolean } | { readonly failure: string };

/**
 * Threads that hash, apart from the event loop and from libuv's own, which look up names and read files; on Linux with
 * a lower priority than both. Each is started when it is first needed and ends when it was idle for a while.
 */
export interface HashingThreads {
  /** On a thread that is free, or on a new one: whoever calls it bounds how many there are. */
  run(job: HashingJob): Promise<string | boolean>;
  /** Ends all; what they were at is rejected. */
  close(): Promise<void>;
}

const FILE = new URL('./hashing-thread.js', import.meta.url);
/** One takes some megabytes, and some hundredths of a second to start. */
const IDLE_MS = 60_000;

export function createHashingThreads({ idleMs = IDLE_MS } = {}): HashingThreads {
  let isClosed = false;
  const all = new Set<Thread>();
  const free: Thread[] = [];
  const start = (): Thread => {
    const thread = new Thread(idleMs, () => {
      all.delete(thread);
      if (free.includes(thread)) free.splice(free.indexOf(thread), 1);
    });
    all.add(thread);
    return thread;
  };
  return {
    run: async (job) => {
      if (isClosed) throw new Error('nothing is hashed any more');
      // The one that was busy last, so that the others become idle.
      const thread = free.pop() ?? start();
      try {
        return await thread.run(job);
      } finally {
        if (all.has(thread)) free.push(thread);
      }
    },
    close: async () => {
      isClosed = true;
      await Promise.all([...all].map((thread) => thread.end()));
    },
  };
}

interface Waiter {
  readonly resolve: (result: string | boolean) => void;
  readonly reject: (error: Error) => void;
}

/** One at a time. */
class Thread {
  // Without the environment, which may hold secrets, and without arguments that are meant for the main thread.
  readonly #worker = new Worker(FILE, { env: {}, execArgv: [] });
  readonly #idle: NodeJS.Timeout;
  readonly #onEnd: () => void;
  #waiter: Waiter | undefined;
  #fault: unknown;

  /** @param onEnd told as soon as it can be given nothing more */
  constructor(idleMs: number, onEnd: () => void) {
    this.#onEnd = onEnd;
    this.#idle = setTimeout(() => {
      if (this.#waiter === undefined) void this.end();
    }, idleMs);
    this.#idle.unref();
    this.#worker.unref();
    this.#worker.on('message', (outcome: Outcome) => {
      this.#finish(outcome);
    });
    this.#worker.on('error', (error) => (this.#fault = error));
    this.#worker.on('exit', () => {
      clearTimeout(this.#idle);
      onEnd();
      const cause = this.#fault;
      this.#waiter?.reject(new Error('the thread that hashed has ended', { cause }));
    });
  }

  run(job: HashingJob): Promise<string | boolean> {
    return new Promise((resolve, reject) => {
      this.#worker.postMessage(job);
      this.#waiter = { resolve, reject };
      // A process does not end before what it hashes is done, and ends although a thread is there that hashes nothing.
      this.#worker.ref();
    });
  }

  async end(): Promise<void> {
    this.#onEnd();
    await this.#worker.terminate();
  }

  #finish(outcome: Outcome): void {
    const waiter = this.#waiter;
    this.#waiter = undefined;
    this.#worker.unref();
    this.#idle.refresh();
    if ('result' in outcome) waiter?.resolve(outcome.result);
    else waiter?.reject(new Error(`cannot hash: ${outcome.failure}`));
  }
}
