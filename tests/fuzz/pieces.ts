import fc from 'fast-check';

/** Places in a text, as parts of its length. */
export function anyPlaces(maxLength: number): fc.Arbitrary<readonly number[]> {
  return fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength });
}

/** A text in the pieces into which it is cut at these places: none of them is empty. */
export function cutAt(text: string, places: readonly number[]): readonly string[] {
  const indexes = places.map((place) => Math.floor(place * text.length)).sort((a, b) => a - b);
  return [0, ...indexes]
    .map((start, index) => text.slice(start, indexes[index]))
    .filter((each) => each !== '');
}
