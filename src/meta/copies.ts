import { createGenerations } from '../authenticate/generations.ts';
import type { Generations } from '../authenticate/generations.ts';

/** What a meta node said, kept for a while. */
export interface Copy<Value> {
  readonly value: Value;
  /** When it was asked for: what has changed since is not in it. */
  readonly readMs: number;
  /** Set where it is older than it should be, and the nodes cannot say whether it still stands: what they failed with. */
  readonly outage: unknown;
}

interface CopiesOptions<Value> {
  /** Asks the nodes; undefined: they know none. */
  readonly ask: (key: string) => Promise<Value | undefined>;
  readonly freshMs: number;
  /** How much longer a copy counts in an outage. */
  readonly staleMs: number;
  readonly maxEntries: number;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

interface Kept<Value> extends Copy<Value> {
  /** Set since it was last tried in vain to read it anew. */
  failure: { readonly outage: unknown; readonly triedMs: number } | undefined;
}

/** So long "there is none" is believed: whoever was just made gets in soon. */
const UNKNOWN_TTL_MS = 5_000;
/** In an outage each copy is asked for anew once in this time, behind the back of the request. */
const RETRY_MS = 1_000;
/** After this time without another try an outage is no news, and a request waits to hear whether it goes on. */
const OUTAGE_IS_NEWS_MS = 30_000;

/** Copies by key: fresh, then stale, then gone. A failure never evicts one. */
export class Copies<Value> {
  readonly #options: CopiesOptions<Value>;
  readonly #kept: Generations<Kept<Value>>;
  readonly #unknown: Generations<true>;
  readonly #inFlight = new Map<string, Promise<Copy<Value> | undefined>>();
  /** What was asked for before `forget` is not kept. */
  #era = 0;

  constructor(options: CopiesOptions<Value>) {
    this.#options = options;
    this.#kept = createGenerations(options);
    this.#unknown = createGenerations(options);
  }

  /**
   * A fresh copy; undefined: the nodes know none. Without a promise where nobody need be asked.
   * Rejects with what the nodes failed with, where there is no copy for an outage.
   */
  find(key: string): Copy<Value> | undefined | Promise<Copy<Value> | undefined> {
    const copy = this.peek(key);
    if (copy === undefined) {
      return this.#unknown.get(prefixed(key)) === true ? undefined : this.read(key);
    }
    const atMs = this.#options.now();
    if (this.#isFresh(copy, atMs)) return copy;
    const { failure } = copy;
    if (failure === undefined || atMs - failure.triedMs >= OUTAGE_IS_NEWS_MS) {
      return this.#readOrGoOn(key);
    }
    const { outage } = failure;
    if (atMs - failure.triedMs >= RETRY_MS) {
      copy.failure = { outage, triedMs: atMs };
      this.read(key).catch(() => undefined);
    }
    return { ...copy, outage };
  }

  /** Whether there is a copy, be it stale, or it is known that the nodes know none. */
  isAtHand(key: string): boolean {
    return this.peek(key) !== undefined || this.#unknown.get(prefixed(key)) === true;
  }

  /** Asks, whatever is known; who asks at the same time gets the same answer. Rejects as `find`. */
  read(key: string): Promise<Copy<Value> | undefined> {
    const known = this.#inFlight.get(key);
    if (known !== undefined) return known;
    const flight = this.#readNow(key).finally(() => {
      if (this.#inFlight.get(key) === flight) this.#inFlight.delete(key);
    });
    this.#inFlight.set(key, flight);
    return flight;
  }

  /** What was read last, however old. */
  peek(key: string): Kept<Value> | undefined {
    return this.#kept.get(prefixed(key));
  }

  forget(): void {
    this.#era++;
    this.#kept.clear();
    this.#unknown.clear();
    this.#inFlight.clear();
  }

  async #readOrGoOn(key: string): Promise<Copy<Value> | undefined> {
    try {
      return await this.read(key);
    } catch (outage) {
      const copy = this.peek(key);
      if (copy === undefined) throw outage;
      return this.#isFresh(copy, this.#options.now()) ? copy : { ...copy, outage };
    }
  }

  async #readNow(key: string): Promise<Copy<Value> | undefined> {
    const { ask, now } = this.#options;
    const readMs = now();
    const begunIn = this.#era;
    try {
      const value = await ask(key);
      const copy = value === undefined ? undefined : { value, readMs, outage: undefined };
      if (begunIn === this.#era) this.#keep(key, copy, readMs);
      return copy;
    } catch (outage) {
      const copy = this.peek(key);
      if (copy !== undefined) copy.failure = { outage, triedMs: now() };
      throw outage;
    }
  }

  #keep(key: string, copy: Copy<Value> | undefined, readMs: number): void {
    const { freshMs, staleMs, now } = this.#options;
    const ageMs = now() - readMs;
    if (copy === undefined) {
      this.#kept.delete(prefixed(key));
      this.#unknown.set(prefixed(key), true, Math.min(freshMs, UNKNOWN_TTL_MS) - ageMs);
    } else {
      this.#unknown.delete(prefixed(key));
      this.#kept.set(prefixed(key), { ...copy, failure: undefined }, freshMs + staleMs - ageMs);
    }
  }

  /** A clock that was set back makes nothing younger. */
  #isFresh({ readMs }: Copy<Value>, atMs: number): boolean {
    return readMs <= atMs && atMs < readMs + this.#options.freshMs;
  }
}

/** node-cache says that it has `constructor` and its like; no key with a prefix is one of those. */
function prefixed(key: string): string {
  return `c:${key}`;
}
