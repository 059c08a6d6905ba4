import type { ErrorCode, GatewayError } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';
import { failureOf, wouldPass } from '../listener/judge.ts';
import type { Judges } from '../listener/judge.ts';
import type { StillAllowed } from '../proxy/recheck.ts';

interface Parts {
  readonly judges: Judges;
  /** Everybody passes, and goes on passing. */
  readonly observe: boolean;
  readonly onFailure: (error: GatewayError, exchange: Exchange) => void;
}

/** An outage ends no stream. */
const NOBODY_SAYS: ReadonlySet<ErrorCode> = new Set(['directory-unavailable', 'overloaded']);

/** Judges what is under way as if it came now: by the users, the secrets and the gate of this generation. */
export function createStillAllowed({ judges, observe, onFailure }: Parts): StillAllowed {
  return async (exchange) => {
    const { target } = exchange;
    if (observe || target === undefined) return observe;
    try {
      return await wouldPass(judges, target, exchange);
    } catch (thrown) {
      const failure = failureOf(thrown, exchange);
      onFailure(failure, exchange);
      return NOBODY_SAYS.has(failure.code);
    }
  };
}
