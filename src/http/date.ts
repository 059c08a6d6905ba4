const SECOND_MS = 1_000;

/** The moment as a `Date` header has it (RFC 9110 §5.6.7), made anew once a second. @param now milliseconds since 1970 */
export function createHttpDate(now: () => number): () => string {
  let text = '';
  let second = NaN;
  return () => {
    const current = Math.floor(now() / SECOND_MS);
    if (current !== second) {
      second = current;
      text = new Date(current * SECOND_MS).toUTCString();
    }
    return text;
  };
}
