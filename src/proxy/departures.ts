/** What waits for the end of this turn of the event loop. */
export interface Departures {
  add(depart: () => void): void;
}

/**
 * A kept connection is used again only once all that came in this turn was read: what an upstream sent unasked, and the
 * end of a connection, would otherwise be met by a request that was written a moment before (GHSA-35p6-xmwp-9g52 tells
 * of undici's). One call for all requests of a turn.
 */
export function createDepartures(): Departures {
  let waiting: (() => void)[] = [];
  const departAll = (): void => {
    const all = waiting;
    waiting = [];
    for (const depart of all) depart();
  };
  return {
    add: (depart) => {
      if (waiting.push(depart) === 1) setImmediate(departAll);
    },
  };
}
