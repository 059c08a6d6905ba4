// @ts-check

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const pair = [sorted[Math.ceil(middle) - 1] ?? NaN, sorted[Math.floor(middle)] ?? NaN];
  return ((pair[0] ?? NaN) + (pair[1] ?? NaN)) / 2;
}

/** Of each round the ratio, of these the median. @param {number[] | undefined} ours @param {number[] | undefined} theirs */
export function medianRatio(ours = [], theirs = []) {
  const rounds = Math.min(ours.length, theirs.length);
  return median(ours.slice(0, rounds).map((each, round) => each / (theirs[round] ?? NaN)));
}

/** `median (least–most)`. @param {number[]} values @param {(value: number) => string} shown */
export function spread(values, shown) {
  if (values.length === 0) return '–';
  return `${shown(median(values))} (${shown(Math.min(...values))}–${shown(Math.max(...values))})`;
}
