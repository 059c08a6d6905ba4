import type { MetaFault } from './fault.ts';

/** What is known of a meta node: for the log, for metrics, for `kapgate check`. */
export interface MetaNodeState {
  /** Scheme, host and port. */
  readonly node: string;
  /** It failed several times in a row, and is left alone but for a trial now and then. */
  readonly resting: boolean;
  /** The last one; undefined where it has answered since. */
  readonly lastFault: MetaFault | undefined;
  /** How often it was asked, and how often it failed, since the start. */
  readonly attempts: number;
  readonly failures: number;
}

/** One attempt; it ends by exactly one of these. */
export interface Turn {
  /** It answered, whatever it said. */
  readonly worked: () => void;
  readonly failed: (fault: MetaFault) => void;
  /** Nothing was learnt of it. */
  readonly leave: () => void;
}

export interface MetaNodeOptions {
  readonly now: () => number;
  /** Called once when it begins to rest, and once when it answers again. */
  readonly onChange: (state: MetaNodeState) => void;
}

/** In a row, over all calls. */
const FAILURES_TO_REST = 3;
const FIRST_REST_MS = 500;
const LONGEST_REST_MS = 5000;

/** One meta node with its circuit breaker. */
export class MetaNode {
  readonly origin: string;
  readonly #options: MetaNodeOptions;
  #failuresInARow = 0;
  /** 0 while it does not rest. */
  #restMs = 0;
  #restsSinceMs = 0;
  #onTrial = false;
  #lastFault: MetaFault | undefined;
  #attempts = 0;
  #failures = 0;

  constructor(origin: string, options: MetaNodeOptions) {
    this.origin = origin;
    this.#options = options;
  }

  /** Whether it may be asked now. */
  get isOpen(): boolean {
    if (this.#restMs === 0) return true;
    const restedMs = this.#options.now() - this.#restsSinceMs;
    // A clock that was set back must not make the rest longer.
    return !this.#onTrial && (restedMs >= this.#restMs || restedMs < 0);
  }

  /** Whether a call is finding out if it answers again. */
  get isOnTrial(): boolean {
    return this.#onTrial;
  }

  get state(): MetaNodeState {
    return {
      node: this.origin,
      resting: this.#restMs > 0,
      lastFault: this.#lastFault,
      attempts: this.#attempts,
      failures: this.#failures,
    };
  }

  /** Takes the turn to ask it; undefined where it rests, or where another call is trying it. */
  enter(): Turn | undefined {
    if (!this.isOpen) return undefined;
    const isTrial = this.#restMs > 0;
    this.#onTrial = isTrial;
    this.#attempts++;
    const leave = (): void => {
      if (isTrial) this.#onTrial = false;
    };
    return {
      leave,
      worked: () => {
        leave();
        this.#noteAnswer();
      },
      failed: (fault) => {
        leave();
        this.#noteFailure(fault, isTrial);
      },
    };
  }

  #noteAnswer(): void {
    const rested = this.#restMs > 0;
    this.#failuresInARow = 0;
    this.#restMs = 0;
    this.#lastFault = undefined;
    if (rested) this.#options.onChange(this.state);
  }

  #noteFailure(fault: MetaFault, wasTrial: boolean): void {
    this.#failures++;
    this.#failuresInARow++;
    this.#lastFault = fault;
    const rests = this.#restMs > 0;
    // What an attempt from before the rest comes to is nothing new.
    if (rests ? !wasTrial : this.#failuresInARow < FAILURES_TO_REST) return;
    this.#restMs = rests ? Math.min(this.#restMs * 2, LONGEST_REST_MS) : FIRST_REST_MS;
    this.#restsSinceMs = this.#options.now();
    if (!rests) this.#options.onChange(this.state);
  }
}
