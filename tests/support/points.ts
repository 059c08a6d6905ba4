import type { InfluxdProcess } from './influxdb.ts';
import type { RecordedRequest } from './recording-upstream.ts';

/** A point that InfluxDB took: its number, and when it was written. */
interface TakenPoint {
  readonly n: number;
  readonly ms: number;
}

export interface Writing {
  readonly taken: readonly TakenPoint[];
  stop(): Promise<void>;
}

const PER_SECOND = 200;
const TICK_MS = 5;

/** Writes points to the database `telegraf`, a number each, so many a second whatever each write takes. */
export function startWriting(influx: InfluxdProcess, perSecond = PER_SECOND): Writing {
  const taken: TakenPoint[] = [];
  const underWay = new Set<Promise<void>>();
  const startedMs = Date.now();
  let n = 0;
  const write = async (number: number): Promise<void> => {
    const ms = Date.now();
    const line = `retrofit n=${number}i ${number}000000`;
    if ((await influx.write('telegraf', line).catch(() => 0)) === 204)
      taken.push({ n: number, ms });
  };
  const timer = setInterval(() => {
    for (const due = ((Date.now() - startedMs) / 1000) * perSecond; n < due;) {
      const writing = write(++n).finally(() => underWay.delete(writing));
      underWay.add(writing);
    }
  }, TICK_MS);
  return {
    taken,
    stop: async () => {
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

/** What a task's httpPost node was given: how often each number came. */
export function countsIn(requests: readonly RecordedRequest[]): ReadonlyMap<number, number> {
  return countsOf(
    requests.flatMap(({ body }) => {
      const { series } = JSON.parse(body.toString()) as {
        series: { columns: string[]; values: number[][] }[];
      };
      return series.flatMap(({ columns, values }) =>
        values.map((value) => value[columns.indexOf('n')] ?? 0),
      );
    }),
  );
}

/** The same of writes as InfluxDB sends them. */
export function countsInLines(requests: readonly RecordedRequest[]): ReadonlyMap<number, number> {
  return countsOf(
    requests.flatMap(({ body }) =>
      [...body.toString().matchAll(/^retrofit n=(\d+)i/gm)].map(([, n]) => Number(n)),
    ),
  );
}

function countsOf(numbers: readonly number[]): ReadonlyMap<number, number> {
  const counts = new Map<number, number>();
  for (const n of numbers) counts.set(n, (counts.get(n) ?? 0) + 1);
  return counts;
}
