import { hash } from 'node:crypto';
import { createCounters } from './counters.ts';
import { createGenerations } from './generations.ts';
import { hostOf } from './host.ts';

/** Limits the passwords that are tried: by address and name, then by address. */
export interface Throttle {
  /**
   * Before another system is asked about a name: it must not pay for guesses that are refused in any case.
   * @returns 0, or the milliseconds for which nothing from this address has a chance but what was right there before
   */
  look(address: string, name: string): Promise<number>;
  /**
   * Before a password is compared. What is taken here is given back where it turns out right, so that a hundred guesses
   * at once are not all let through before the first has failed.
   * @returns the milliseconds after which to try again, or an attempt
   */
  begin(address: string, name: string): Promise<Attempt | { readonly waitMs: number }>;
}

export interface Attempt {
  /** The password was right. */
  succeed(): Promise<void>;
  /** It was wrong: what was taken stays taken. */
  fail(): Promise<void>;
  /** Nobody could say: it does not count as a failure. */
  forgive(): Promise<void>;
}

interface ThrottleOptions {
  /** Failures that an address has for one name in `perMs`; 0: any number. */
  readonly count: number;
  readonly perMs: number;
  readonly maxKeys?: number;
}

/** An office behind one address has several people who mistype, and a guesser has one address for many names. */
const NAMES_PER_ADDRESS = 10;
/** A key with its timer takes half a kilobyte: 20 MB where both tables are full. */
const MAX_KEYS = 20_000;

const UNCOUNTED: Attempt = {
  succeed: () => Promise.resolve(),
  fail: () => Promise.resolve(),
  forgive: () => Promise.resolve(),
};

/** Names count whether or not they exist: who is throttled learns nothing. */
export function createThrottle({ count, perMs, maxKeys }: ThrottleOptions): Throttle {
  if (count === 0) {
    return { look: () => Promise.resolve(0), begin: () => Promise.resolve(UNCOUNTED) };
  }
  const bounds = { perMs, maxKeys: maxKeys ?? MAX_KEYS };
  const byPair = createCounters({ count, ...bounds });
  const byAddress = createCounters({ count: count * NAMES_PER_ADDRESS, ...bounds });
  // Whoever logged in from an address before is not stopped by others who fail there, for as long as there is room.
  const proven = createGenerations<true>({ maxEntries: bounds.maxKeys, now: Date.now });
  const isProven = (pair: string): boolean => proven.get(pair) === true;
  return {
    look: async (address, name) => {
      const host = hostOf(address);
      return isProven(digestOf(`${host} ${name}`)) ? 0 : byAddress.look(digestOf(host));
    },
    begin: async (address, name) => {
      const host = hostOf(address);
      const pair = digestOf(`${host} ${name}`);
      const whole = isProven(pair) ? undefined : digestOf(host);
      // The address first: one that is used up makes no more keys, however many names it sends.
      const addressWaitMs = whole === undefined ? 0 : await byAddress.take(whole);
      if (addressWaitMs > 0) return { waitMs: addressWaitMs };
      const pairWaitMs = await byPair.take(pair);
      if (pairWaitMs > 0) {
        if (whole !== undefined) await byAddress.giveBack(whole);
        return { waitMs: pairWaitMs };
      }
      const forgive = async (): Promise<void> => {
        await byPair.giveBack(pair);
        if (whole !== undefined) await byAddress.giveBack(whole);
      };
      return {
        forgive,
        fail: () => Promise.resolve(),
        succeed: () => {
          proven.set(pair, true, Infinity);
          return forgive();
        },
      };
    },
  };
}

/** Of whatever length a name is, a key is short. */
function digestOf(text: string): string {
  return hash('sha256', text, 'base64');
}
