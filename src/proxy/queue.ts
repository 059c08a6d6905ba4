import { GatewayError } from '../kernel/errors.ts';

interface QueueOptions {
  readonly maxWaiting: number;
  readonly maxWaitMs: number;
}

/** Who waits for a thing of which there are too few: first come, first served. */
export interface Queue<T> {
  /**
   * Resolves with the thing.
   * @param isWanted false once nobody waits for it any more
   * @throws GatewayError overloaded: the queue is full, or the wait was too long
   */
  wait(isWanted: () => boolean): Promise<T>;
  /** Hands a thing to the first who still wants it; false where there is none. */
  give(thing: T): boolean;
  refuseAll(): void;
  size(): number;
}

interface Waiter<T> {
  readonly isWanted: () => boolean;
  readonly take: (thing: T) => void;
  readonly refuse: () => void;
}

export function createQueue<T>(options: QueueOptions): Queue<T> {
  const waiting = new Set<Waiter<T>>();

  const refuseUnwanted = (): void => {
    for (const waiter of waiting) {
      if (!waiter.isWanted()) waiter.refuse();
    }
  };

  const wait = (isWanted: () => boolean): Promise<T> =>
    new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        waiting.delete(waiter);
      };
      const waiter: Waiter<T> = {
        isWanted,
        take: (thing) => {
          leave();
          resolve(thing);
        },
        refuse: () => {
          leave();
          reject(overloaded());
        },
      };
      const timer = setTimeout(waiter.refuse, options.maxWaitMs);
      waiting.add(waiter);
    });

  return {
    wait: (isWanted) => {
      if (waiting.size >= options.maxWaiting) refuseUnwanted();
      return waiting.size >= options.maxWaiting ? Promise.reject(overloaded()) : wait(isWanted);
    },
    give: (thing) => {
      for (const waiter of waiting) {
        if (!waiter.isWanted()) {
          waiter.refuse();
          continue;
        }
        waiter.take(thing);
        return true;
      }
      return false;
    },
    size: () => waiting.size,
    refuseAll: () => {
      for (const waiter of waiting) waiter.refuse();
    },
  };
}

function overloaded(): GatewayError {
  return new GatewayError('overloaded', {
    message: 'too many requests are waiting for Kapacitor, try again',
  });
}
