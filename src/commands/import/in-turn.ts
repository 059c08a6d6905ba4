/** Fewer than may wait for a password to be hashed, and enough for those that are at once. */
const AT_ONCE = 16;

/** Applies a function to each, a bounded number at a time, in their order. */
export async function inTurn<T, R>(
  items: readonly T[],
  apply: (item: T) => Promise<R>,
  onStep: (done: number, total: number) => void,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let start = 0; start < items.length; start += AT_ONCE) {
    results.push(...(await Promise.all(items.slice(start, start + AT_ONCE).map(apply))));
    onStep(results.length, items.length);
  }
  return results;
}
