import { goQuote } from '../kernel/go-text.ts';

/** A name is a key of the store, and its keys are bounded. */
export const MAX_NAME_BYTES = 255;

/** Kapacitor's rule (services/auth/service.go validUsername). */
const ALLOWED = /^[-._\p{L}0-9@]+$/u;

/**
 * Why a user cannot have this name, in the client's words; undefined where one can.
 * Beyond Kapacitor's rule: a length, and no `.` or `..`, which no clean path can reach again.
 */
export function judgeName(name: string): string | undefined {
  if (name === '') return 'username is required';
  if (!ALLOWED.test(name)) {
    return `username must contain only letters, numbers, '-', '.', '@' and '_'. ${goQuote(name)}`;
  }
  if (name === '.' || name === '..') return 'username must not be "." or ".."';
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    return `username must be at most ${MAX_NAME_BYTES} bytes long in UTF-8`;
  }
  return undefined;
}
