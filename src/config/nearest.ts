/** Beyond so many slips of the finger it is another word, however long. */
const MOST_SLIPS = 3;

/** The candidate that a misspelt word most likely stands for, or undefined. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const plain = bare(word);
  const ranked = candidates
    .map((candidate) => ({ candidate, edits: edits(plain, bare(candidate)) }))
    .toSorted((a, b) => a.edits - b.edits);
  const [best] = ranked;
  const slips = Math.max(1, Math.min(MOST_SLIPS, Math.floor(plain.length / 3)));
  if (best !== undefined && best.edits <= slips) {
    return best.candidate;
  }
  if (plain.length < 3) return undefined;
  return candidates.find((each) => {
    const long = bare(each);
    return long.length >= 3 && (long.includes(plain) || plain.includes(long));
  });
}

/** `; did you mean …?`, or nothing where there is no candidate near. */
export function didYouMean(word: string, candidates: readonly string[]): string {
  const candidate = nearest(word, candidates);
  return candidate === undefined ? '' : `; did you mean ${candidate}?`;
}

/** `bind_address`, `bindAddress` and `bind-address` are one. */
function bare(word: string): string {
  return word.toLowerCase().replace(/[-_. ]/g, '');
}

/** How many letters must be put in, taken out, changed or swapped with their neighbour. */
function edits(from: string, to: string): number {
  let before: number[] = [];
  let last = [...Array(to.length + 1).keys()];
  for (let i = 1; i <= from.length; i++) {
    const row = [i];
    for (let j = 1; j <= to.length; j++) {
      const same = from[i - 1] === to[j - 1];
      const swapped = from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      row[j] = Math.min(
        at(last, j) + 1,
        at(row, j - 1) + 1,
        at(last, j - 1) + (same ? 0 : 1),
        swapped ? at(before, j - 2) + 1 : Infinity,
      );
    }
    before = last;
    last = row;
  }
  return at(last, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
