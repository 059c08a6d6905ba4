/** Who waits for an answer. */
export interface Asker {
  readonly clientAddress: string;
  /** Whether it can be answered no more. */
  readonly hasGone: boolean;
}

/**
 * What is found out once for all who ask for it at the same time.
 * @param find told how to learn whether all who asked have gone
 */
export type Flights = (
  key: string,
  asker: Asker,
  find: (haveGone: () => boolean) => Promise<boolean>,
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
    const found = find(() => askers.every(({ hasGone }) => hasGone)).finally(() =>
      flights.delete(key),
    );
    flights.set(key, { askers, found });
    return found;
  };
}
