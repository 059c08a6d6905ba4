const INTERVAL_MS = 60_000;

/** Lets a thing be told once a minute at most, however often it happens: an operator reads it. */
export class Pace {
  readonly #now: () => number;
  #toldMs = -Infinity;

  /** @param now in milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** True where it was not told for a minute. */
  isDue(): boolean {
    return this.#now() - this.#toldMs >= INTERVAL_MS;
  }

  told(): void {
    this.#toldMs = this.#now();
  }

  /** What comes next is news. */
  forget(): void {
    this.#toldMs = -Infinity;
  }
}
