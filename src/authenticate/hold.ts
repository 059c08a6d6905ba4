import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '../kernel/errors.ts';
import type { Asker } from './flights.ts';

/**
 * Passes an answer on; a refusal of a password that was not even compared (throttled, overloaded) only after a while,
 * where there are many.
 */
export type Hold = <Answer>(asker: Asker, answer: Promise<Answer>) => Promise<Answer>;

/** Programs that guess come again at once when they are refused: held back, a connection costs a request a second at most. */
const HELD_MS = 1_000;
/** So many in that time are told at once: a person, or a client with an old password, is not kept waiting. */
const MAX_AT_ONCE = 20;
/** Beyond that they are told at once again: half a kilobyte each, beside their connections. */
const MAX_HELD = 4_096;
/** Its multiples fall evenly between whole numbers. */
const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

export function createHold({ heldMs = HELD_MS } = {}): Hold {
  let lately = 0;
  let turns = 0;
  // From one to two times as long, evenly: those who were refused together must not come again together.
  const spread = (): number => heldMs * (1 + ((turns++ * GOLDEN_RATIO) % 1));
  return async (asker, answer) => {
    try {
      return await answer;
    } catch (error) {
      if (isRefusal(error) && lately < MAX_HELD && !asker.hasGone) {
        lately++;
        const over = sleep(spread(), undefined, { ref: false }).then(() => lately--);
        if (lately > MAX_AT_ONCE) await over;
      }
      throw error;
    }
  };
}

function isRefusal(error: unknown): boolean {
  return (
    error instanceof GatewayError && (error.code === 'throttled' || error.code === 'overloaded')
  );
}
