import { randomBytes } from 'node:crypto';
import { Secret } from '../../kernel/secret.ts';
import type { Replacement } from '../../users/batch.ts';
import { recordAfter } from '../../users/import/plan.ts';
import type { ImportStep } from '../../users/import/plan.ts';
import type { UserRecord } from '../../users/record.ts';
import { inTurn } from './in-turn.ts';

export interface Replacements {
  readonly replacements: readonly Replacement<UserRecord>[];
  /** Those that were made up here, by name. */
  readonly newPasswords: ReadonlyMap<string, Secret>;
}

interface ReplacementParts {
  readonly hash: (password: Secret) => Promise<string>;
  /** ISO 8601. */
  readonly time: string;
  readonly onStep: (done: number, total: number) => void;
}

/** 144 bits. */
const PASSWORD_BYTES = 18;

/** What the steps put into the store; a new user without a password gets a random one. */
export async function replacementsOf(
  steps: readonly ImportStep[],
  parts: ReplacementParts,
): Promise<Replacements> {
  const newPasswords = new Map<string, Secret>();
  const replacement = async (step: ImportStep): Promise<Replacement<UserRecord> | undefined> => {
    if (step.kind === 'unchanged') return undefined;
    const hash = await hashOf(step, parts, newPasswords);
    const before = step.kind === 'new' ? undefined : step.before;
    return { before, after: recordAfter(step, hash, parts.time) };
  };
  const made = await inTurn(steps, replacement, parts.onStep);
  return { replacements: made.filter((each) => each !== undefined), newPasswords };
}

/** Undefined where the password stays. */
async function hashOf(
  step: Exclude<ImportStep, { kind: 'unchanged' }>,
  { hash }: ReplacementParts,
  newPasswords: Map<string, Secret>,
): Promise<string | undefined> {
  const { user } = step;
  if (user.hash !== undefined) return user.hash;
  if (step.kind === 'changed') {
    return user.password !== undefined && step.fields.includes('password')
      ? await hash(user.password)
      : undefined;
  }
  if (user.password !== undefined) return hash(user.password);
  const password = new Secret(randomBytes(PASSWORD_BYTES).toString('base64url'));
  newPasswords.set(user.name, password);
  return hash(password);
}
