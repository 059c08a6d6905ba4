// @ts-check

/** NaN is what could not be measured, here and below: it is left out. @param {number[]} values */
export function median(values) {
  const sorted = measured(values).sort((a, b) => a - b);
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
  const all = measured(values);
  if (all.length === 0) return '–';
  return `${shown(median(all))} (${shown(Math.min(...all))}–${shown(Math.max(...all))})`;
}

/** @param {number[]} values */
export function measured(values) {
  return values.filter((each) => !Number.isNaN(each));
}
