import fc from 'fast-check';

/** Texts as they are, or with something put in, taken away or doubled at one or two places. */
export function damaged(
  texts: fc.Arbitrary<string>,
  splinters: readonly string[],
): fc.Arbitrary<string> {
  const damage = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    drop: fc.constantFrom(0, 0, 1, 2, 5),
    splinter: fc.constantFrom('', ...splinters),
  });
  const damages = fc.oneof(fc.constant([]), fc.array(damage, { minLength: 1, maxLength: 2 }));
  return fc.tuple(texts, damages).map(([text, all]) =>
    all.reduce((spoilt, { at, drop, splinter }) => {
      const index = Math.floor(at * (spoilt.length + 1));
      return spoilt.slice(0, index) + splinter + spoilt.slice(index + drop);
    }, text),
  );
}
