import { z } from 'zod';
import { messageOf } from '../../kernel/errors.ts';
import type { Secret } from '../../kernel/secret.ts';
import { CommandError } from '../terminal.ts';
import type { InfluxSubscription, Place } from './influxql.ts';

/** What a subscription has done, as InfluxDB counts it since it has it. */
interface Delivery extends Place {
  readonly destination: string;
  /** Points that were answered with 2xx. */
  readonly pointsWritten: number;
  /** Writes that were not. */
  readonly writeFailures: number;
}

/** The InfluxDB whose subscriptions are to be changed. All of it throws CommandError with InfluxDB's own words. */
export interface InfluxDb {
  subscriptions(): Promise<readonly InfluxSubscription[]>;
  deliveries(): Promise<readonly Delivery[]>;
  /** Runs one statement that gives nothing back. */
  run(statement: string): Promise<void>;
  write(database: string, retentionPolicy: string, line: string): Promise<void>;
}

export interface InfluxDbOptions {
  /** Origin, and a path where it stands behind a proxy. */
  readonly url: string;
  readonly user: string | undefined;
  readonly password: Secret | undefined;
}

const TIMEOUT_MS = 30_000;

export function openInfluxDb(options: InfluxDbOptions): InfluxDb {
  const origin = originOf(options.url);
  const ask = async (path: string, body: string | URLSearchParams): Promise<string> => {
    const { status, text } = await post(`${origin}${path}`, body, options);
    if (status >= 300) throw new CommandError(`${origin} answered ${status}: ${text.trim()}`);
    return text;
  };
  const query = async (statement: string): Promise<readonly Series[]> =>
    seriesIn(origin, await ask('/query', new URLSearchParams({ q: statement })));
  return {
    subscriptions: async () => (await query('SHOW SUBSCRIPTIONS')).flatMap(subscriptionsIn),
    deliveries: async () =>
      (await query("SHOW STATS FOR 'subscriber'")).flatMap((series) => deliveryIn(series) ?? []),
    run: async (statement) => {
      await query(statement);
    },
    write: async (database, retentionPolicy, line) => {
      const parameters = new URLSearchParams({ db: database, rp: retentionPolicy });
      await ask(`/write?${parameters.toString()}`, line);
    },
  };
}

function originOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol)) {
    throw new CommandError(`--influxdb takes the URL of an InfluxDB: http://localhost:8086`, 64);
  }
  if (parsed.username !== '' || parsed.password !== '' || parsed.search !== '') {
    throw new CommandError(
      '--influxdb takes no credentials in its URL: give --influxdb-user and --influxdb-password-file',
      64,
    );
  }
  return `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`;
}

async function post(
  url: string,
  body: string | URLSearchParams,
  { user, password }: InfluxDbOptions,
): Promise<{ readonly status: number; readonly text: string }> {
  const credentials = Buffer.from(`${user ?? ''}:${password?.reveal() ?? ''}`).toString('base64');
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers: user === undefined ? {} : { Authorization: `Basic ${credentials}` },
      // Credentials and statements are for this InfluxDB only.
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (thrown) {
    const reason =
      thrown instanceof Error && thrown.cause !== undefined ? messageOf(thrown.cause) : '';
    throw new CommandError(
      `cannot ask InfluxDB at ${new URL(url).origin}: ${reason || messageOf(thrown)}`,
    );
  }
}

const SERIES = z.object({
  name: z.string(),
  tags: z.record(z.string(), z.string()).default({}),
  columns: z.array(z.string()),
  values: z.array(z.array(z.unknown())).default([]),
});
type Series = z.infer<typeof SERIES>;

const ANSWER = z.object({
  results: z.array(z.object({ error: z.string().optional(), series: z.array(SERIES).default([]) })),
});

function seriesIn(origin: string, text: string): readonly Series[] {
  const judged = ANSWER.safeParse(parsed(text));
  if (!judged.success) throw new CommandError(`${origin} does not answer as InfluxDB 1.x does`);
  const error = judged.data.results.find((result) => result.error !== undefined)?.error;
  if (error !== undefined) throw new CommandError(`${origin}: ${error}`);
  return judged.data.results.flatMap(({ series }) => series);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const SUBSCRIPTION = z.object({
  retention_policy: z.string(),
  name: z.string(),
  mode: z.string(),
  destinations: z.array(z.string()),
});

/** One series a database. */
function subscriptionsIn({ name: database, columns, values }: Series): InfluxSubscription[] {
  return values.map((value) => {
    const row = SUBSCRIPTION.parse(rowOf(columns, value));
    const { retention_policy: retentionPolicy, name, mode, destinations } = row;
    return { database, retentionPolicy, name, mode, destinations };
  });
}

const TAGS = z.object({
  database: z.string(),
  retention_policy: z.string(),
  name: z.string(),
  destination: z.string(),
});
const COUNTS = z.object({ pointsWritten: z.number(), writeFailures: z.number() });

/** One series a destination; the one without tags is the sum of all that ever was. */
function deliveryIn({ tags, columns, values }: Series): Delivery | undefined {
  const judged = TAGS.safeParse(tags);
  if (!judged.success) return undefined;
  const { database, retention_policy: retentionPolicy, name, destination } = judged.data;
  const counts = COUNTS.parse(rowOf(columns, values[0] ?? []));
  return { database, retentionPolicy, name, destination, ...counts };
}

function rowOf(columns: readonly string[], value: readonly unknown[]): Record<string, unknown> {
  return Object.fromEntries(columns.map((column, index) => [column, value[index]]));
}
