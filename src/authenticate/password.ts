import type { Secret } from '../kernel/secret.ts';
import { createHashing } from './hashing.ts';
import type { Hashing } from './hashing.ts';
import type { Turn } from './hashing-queue.ts';
import { readPasswordForm } from './password-forms.ts';
import type { PasswordForm } from './password-forms.ts';

/** Hashes passwords and compares them with hashes. Each waits its turn once, whatever it costs. */
export interface Passwords {
  /** Hashes for the store, with bcrypt. @throws GatewayError overloaded */
  hash(password: Secret): Promise<string>;
  /** Compares; a hash of a form that is not known matches nothing. @throws GatewayError overloaded */
  compare(password: Secret, hash: string, attempt?: Attempted): Promise<boolean>;
  /** Compares against nobody's hash of this cost, for the time that it takes. @throws GatewayError overloaded */
  spend(password: Secret, cost: number, turn?: Turn): Promise<void>;
}

/** A password that somebody tries. */
interface Attempted {
  readonly turn: Turn;
  /** What it costs to fail against a bcrypt hash of any lower cost. */
  readonly failureCost: number;
}

interface PasswordOptions {
  /** The cost of new hashes: 2^cost rounds. */
  readonly cost: number;
  readonly hashing?: Hashing;
}

/** 53 characters of no known password: what unknown users are compared with. */
const NOBODYS_SALT_AND_DIGEST = `${'.'.repeat(21)}.${'.'.repeat(31)}`;

/** Asked for by an administrator, or by the gateway itself. */
const OWN: Turn = { source: '', isTrusted: true, haveGone: () => false, haveEnded: () => false };

export function createPasswords({ cost, hashing = createHashing() }: PasswordOptions): Passwords {
  const compare = async (
    password: Secret,
    form: PasswordForm | undefined,
    onFailure: readonly string[],
    turn: Turn,
  ): Promise<boolean> => {
    const job = { kind: 'compare', password: password.reveal(), form, onFailure } as const;
    return (await hashing.run(job, turn)) === true;
  };
  return {
    hash: async (password) =>
      String(await hashing.run({ kind: 'hash', password: password.reveal(), cost }, OWN)),
    compare: async (password, hash, { turn, failureCost } = { turn: OWN, failureCost: 0 }) => {
      const form = readPasswordForm(hash);
      if (form === undefined) return false;
      const onFailure = form.kind === 'bcrypt' ? restOf(form.cost, failureCost) : [];
      return compare(password, form, onFailure, turn);
    },
    spend: async (password, cost, turn = OWN) => {
      await compare(password, undefined, [nobodysHash(cost)], turn);
    },
  };
}

/** 2^c + 2^c + 2^(c+1) + … + 2^(h-1) = 2^h: every failure costs the same, whatever the cost of its hash. */
function restOf(cost: number, failureCost: number): readonly string[] {
  const steps = Math.max(0, failureCost - cost);
  return Array.from({ length: steps }, (_, step) => nobodysHash(cost + step));
}

function nobodysHash(cost: number): string {
  return `$2b$${String(cost).padStart(2, '0')}$${NOBODYS_SALT_AND_DIGEST}`;
}
