/** Who waits for an answer. */
export interface Asker {
  readonly clientAddress: string;
  /** Whether it can be answered no more. */
  readonly hasGone: boolean;
  /** Whether it has ended its side: most that do have gone. Who has gone has ended it too. */
  readonly hasEnded: boolean;
}

/** All who wait for the same. */
export interface Askers {
  haveGone(): boolean;
  haveEnded(): boolean;
}

/**
 * What is found out once for all who ask for it at the same time.
 * @param find told who asks, also of those who come to it later
 */
export type Flights = (
  key: string,
  asker: Asker,
  find: (askers: Askers) => Promise<boolean>,
) => Promise<boolean>;

/** As many as there are requests at the same time, at the most. */
export function createFlights(): Flights {
  const flights = new Map<string, { readonly askers: Asker[]; readonly found: Promise<boolean> }>();
  return (key, asker, find) => {
    const flight = flights.get(key);
    if (flight !== undefined) {
      flight.askers.push(asker);
      return flight.found;
    }
    const askers = [asker];
    const found = find({
      haveGone: () => askers.every(({ hasGone }) => hasGone),
      haveEnded: () => askers.every(({ hasEnded }) => hasEnded),
    }).finally(() => flights.delete(key));
    flights.set(key, { askers, found });
    return found;
  };
}
