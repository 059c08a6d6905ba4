/** A bcrypt hash, its cost (4 to 31) in the first group. */
const BCRYPT = /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;

/** The dearest that the store is given: a minute of a core or more, and 2^11 times that at 31. */
export const MAX_STORED_COST = 20;

/**
 * A bcrypt hash as it is stored and compared; undefined where the text is none.
 * `$2y$` (htpasswd, PHP) names the same algorithm as `$2b$`, which is all that the library knows.
 */
export function readHash(text: string): string | undefined {
  if (!BCRYPT.test(text)) return undefined;
  return text.replace('$2y$', '$2b$');
}

/** The cost of a bcrypt hash: 2^cost rounds. Undefined where the text is none. */
export function costOf(hash: string): number | undefined {
  const cost = BCRYPT.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}
