import bcrypt from 'bcrypt';
import { pbkdf2, timingSafeEqual } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';
import { GatewayError } from '../kernel/errors.ts';
import type { Secret } from '../kernel/secret.ts';
import { readPasswordForm } from './password-forms.ts';
import type { PasswordForm } from './password-forms.ts';

/** Hashes off the event loop, a bounded number at a time, with a bounded queue before them. */
export interface Passwords {
  /** Hashes for the store, with bcrypt. @throws GatewayError overloaded */
  hash(password: Secret): Promise<string>;
  /** Compares; a hash of a form that is not known matches nothing. @throws GatewayError overloaded */
  compare(password: Secret, hash: string): Promise<boolean>;
  /** Compares against nobody's hash of this cost, for the time that it takes. @throws GatewayError overloaded */
  spend(password: Secret, cost: number): Promise<void>;
}

/** How many are at work and how many wait. */
interface PasswordLoad {
  readonly running: number;
  readonly waiting: number;
}

/** Passwords that tell how busy they are. */
export interface MeasuredPasswords extends Passwords {
  load(): PasswordLoad;
}

interface PasswordOptions {
  /** The cost of new hashes: 2^cost rounds. */
  readonly cost: number;
  readonly maxAtOnce?: number;
  readonly maxWaiting?: number;
  /** Told of each, once it is done. */
  readonly onDone?: (waitedMs: number, workedMs: number) => void;
}

/**
 * libuv has four threads unless told otherwise: one stays free, so that DNS look-ups and files go on. And one processor
 * stays free of hashes, for the event loop.
 */
const MAX_AT_ONCE = Math.min(3, Math.max(1, availableParallelism() - 1));
/** Some seconds of work at cost 10; who comes later is told to come again. */
const MAX_WAITING = 128;

/** 53 characters of no known password: what unknown users are compared with. */
const NOBODYS_SALT_AND_DIGEST = `${'.'.repeat(21)}.${'.'.repeat(31)}`;

export function createPasswords(options: PasswordOptions): MeasuredPasswords {
  const { inTurn, load } = createGate(options);
  return {
    load,
    hash: (password) => inTurn(() => bcrypt.hash(password.reveal(), options.cost)),
    compare: async (password, hash) => {
      const form = readPasswordForm(hash);
      return form !== undefined && (await inTurn(() => compareTo(form, password)));
    },
    spend: async (password, cost) => {
      const nobodys = `$2b$${String(cost).padStart(2, '0')}$${NOBODYS_SALT_AND_DIGEST}`;
      await inTurn(() => bcrypt.compare(password.reveal(), nobodys));
    },
  };
}

const derive = promisify(pbkdf2);

async function compareTo(form: PasswordForm, password: Secret): Promise<boolean> {
  switch (form.kind) {
    case 'bcrypt':
      return bcrypt.compare(password.reveal(), form.hash);
    case 'pbkdf2': {
      const { salt, rounds, key, digest } = form;
      const derived = await derive(password.reveal(), salt, rounds, key.length, digest);
      return timingSafeEqual(derived, key);
    }
  }
}

/** Runs tasks in order of arrival, a few at a time; refuses those that would wait too long. */
function createGate({
  maxAtOnce = MAX_AT_ONCE,
  maxWaiting = MAX_WAITING,
  onDone,
}: PasswordOptions): {
  readonly inTurn: <T>(task: () => Promise<T>) => Promise<T>;
  readonly load: () => PasswordLoad;
} {
  const waiting: (() => void)[] = [];
  let running = 0;
  const enter = (): Promise<void> | undefined => {
    if (running < maxAtOnce) {
      running++;
      return undefined;
    }
    if (waiting.length >= maxWaiting) {
      throw new GatewayError('overloaded', {
        message: 'too many logins are being checked, try again',
      });
    }
    // Who leaves hands the place on: `running` stays as it is.
    return new Promise((resolve) => waiting.push(resolve));
  };
  const leave = (): void => {
    const next = waiting.shift();
    if (next === undefined) running--;
    else next();
  };
  return {
    inTurn: async (task) => {
      const cameMs = performance.now();
      await enter();
      const beganMs = performance.now();
      try {
        return await task();
      } finally {
        leave();
        onDone?.(beganMs - cameMs, performance.now() - beganMs);
      }
    },
    load: () => ({ running, waiting: waiting.length }),
  };
}
