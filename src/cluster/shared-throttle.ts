import type { Attempt, Throttle } from '../authenticate/throttle.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { AttemptEnd, FromWorker, ToWorker } from './messages.ts';

/** A worker's throttle: what counts is in the primary. */
export interface SharedThrottle extends Throttle {
  /** What the primary says of an attempt. */
  hear(answer: ToWorker & { readonly kind: 'attempt' }): void;
  /** The primary is gone: nobody can say. */
  end(): void;
}

/** Only who is not known from a while ago waits for it, before a password is compared, which takes a thousand times longer. */
export function createSharedThrottle(tell: (message: FromWorker) => void): SharedThrottle {
  const asked = new Map<number, (waitMs: number | undefined) => void>();
  let lastId = 0;
  let isOver = false;
  const ask = async (
    what: 'look' | 'begin',
    address: string,
    name: string,
  ): Promise<{ readonly id: number; readonly waitMs: number }> => {
    const id = ++lastId;
    const waitMs = await new Promise<number | undefined>((resolve) => {
      if (isOver) resolve(undefined);
      asked.set(id, resolve);
      tell({ kind: 'throttle', id, what, address, name });
    });
    if (waitMs === undefined) {
      throw new GatewayError('overloaded', { message: 'the gateway is being stopped, try again' });
    }
    return { id, waitMs };
  };
  return {
    look: async (address, name) => (await ask('look', address, name)).waitMs,
    begin: async (address, name) => {
      const { id, waitMs } = await ask('begin', address, name);
      if (waitMs > 0) return { waitMs };
      const ending = (end: AttemptEnd) => (): Promise<void> => {
        tell({ kind: 'end-attempt', id, end });
        return Promise.resolve();
      };
      return { succeed: ending('succeed'), fail: ending('fail'), forgive: ending('forgive') };
    },
    hear: ({ id, waitMs }) => {
      asked.get(id)?.(waitMs);
      asked.delete(id);
    },
    end: () => {
      isOver = true;
      for (const answer of asked.values()) answer(undefined);
      asked.clear();
    },
  };
}

/** The primary's side: the attempts that one worker has begun. What a worker leaves when it ends counts as failed. */
export interface Attempts {
  hear(message: FromWorker & { readonly kind: 'throttle' | 'end-attempt' }): void;
}

/** @param throttle that of the configuration that counts now */
export function createAttempts(
  throttle: () => Throttle,
  tell: (message: ToWorker) => void,
): Attempts {
  const begun = new Map<number, Attempt>();
  const begin = async (id: number, address: string, name: string): Promise<number> => {
    const attempt = await throttle().begin(address, name);
    if ('waitMs' in attempt) return attempt.waitMs;
    begun.set(id, attempt);
    return 0;
  };
  return {
    hear: (message) => {
      const { id } = message;
      if (message.kind === 'end-attempt') {
        void begun.get(id)?.[message.end]();
        begun.delete(id);
        return;
      }
      const { what, address, name } = message;
      const waiting = what === 'look' ? throttle().look(address, name) : begin(id, address, name);
      void waiting.then((waitMs) => tell({ kind: 'attempt', id, waitMs }));
    },
  };
}
