/** What a histogram has counted, as another process takes it. */
export interface HistogramSnapshot {
  readonly counts: readonly number[];
  readonly sum: number;
}

/** Counts times by how long they were, in seconds. */
export class Histogram {
  /** Upper bounds of the buckets; what is longer is in the last, which has none. */
  readonly bounds: readonly number[];
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Array<number>(bounds.length + 1).fill(0);
  }

  add(seconds: number): void {
    let bucket = 0;
    while (bucket < this.bounds.length && seconds > (this.bounds[bucket] ?? 0)) bucket++;
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#sum += seconds;
  }

  get sum(): number {
    return this.#sum;
  }

  snapshot(): HistogramSnapshot {
    return { counts: [...this.#counts], sum: this.#sum };
  }

  /** Counts what another of the same bounds has counted. */
  addAll({ counts, sum }: HistogramSnapshot): void {
    for (const [index, count] of counts.entries()) {
      this.#counts[index] = (this.#counts[index] ?? 0) + count;
    }
    this.#sum += sum;
  }

  /** How many were at most as long as each bound, and how many there were. */
  cumulative(): readonly number[] {
    let total = 0;
    return this.#counts.map((count) => (total += count));
  }
}

/** A histogram under the value of its label. */
export type Labelled = readonly [label: string, histogram: Histogram];

/**
 * Prometheus' text of a histogram that was counted by ourselves: prom-client's can only be filled a value at a time.
 * @param label a name and values that need no escaping: they are ours
 */
export function histogramText(
  name: string,
  help: string,
  label: string,
  histograms: readonly Labelled[],
): string {
  const lines = histograms.flatMap(([value, histogram]) => {
    const counts = histogram.cumulative();
    const own = `${label}="${value}"`;
    return [
      ...counts.map((count, index) => {
        const bound = histogram.bounds[index] ?? '+Inf';
        return `${name}_bucket{${own},le="${bound}"} ${count}`;
      }),
      `${name}_sum{${own}} ${histogram.sum}`,
      `${name}_count{${own}} ${counts.at(-1) ?? 0}`,
    ];
  });
  return [`# HELP ${name} ${help}`, `# TYPE ${name} histogram`, ...lines, ''].join('\n');
}
