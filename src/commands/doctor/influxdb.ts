import { z } from 'zod';
import { messageOf } from '../../kernel/errors.ts';
import { ask } from './ask.ts';

/** A subscription, as InfluxDB has it. */
export interface Subscription {
  readonly database: string;
  readonly policy: string;
  readonly name: string;
  readonly destinations: readonly string[];
}

/** How InfluxDB is asked. */
export interface InfluxDB {
  readonly url: string;
  readonly login: string | undefined;
}

const ANSWER = z.object({
  results: z.array(
    z.object({
      error: z.string().optional(),
      series: z
        .array(
          z.object({
            name: z.string(),
            columns: z.array(z.string()),
            values: z.array(z.array(z.union([z.string(), z.array(z.string())]))).default([]),
          }),
        )
        .default([]),
    }),
  ),
});

const OK = 200;

/** SHOW SUBSCRIPTIONS, or why InfluxDB did not say. */
export async function readSubscriptions({
  url,
  login,
}: InfluxDB): Promise<{ readonly all: readonly Subscription[] } | { readonly refused: string }> {
  try {
    const { status, body } = await ask(`${url.replace(/\/+$/, '')}/query?q=SHOW%20SUBSCRIPTIONS`, {
      login,
    });
    if (status !== OK) return { refused: `${url} answers ${status}` };
    const answer = ANSWER.safeParse(JSON.parse(body));
    if (!answer.success) return { refused: `${url} does not answer as InfluxDB does` };
    const fault = answer.data.results.find(({ error }) => error !== undefined)?.error;
    if (fault !== undefined) return { refused: `${url}: ${fault}` };
    return { all: answer.data.results.flatMap(({ series }) => series.flatMap(subscriptionsOf)) };
  } catch (error) {
    return { refused: `${url}: ${messageOf(error)}` };
  }
}

/** The statement that ends it. */
export function dropStatement({ name, database, policy }: Subscription): string {
  return `DROP SUBSCRIPTION ${quoted(name)} ON ${quoted(database)}.${quoted(policy)}`;
}

/** An identifier of InfluxQL. */
function quoted(name: string): string {
  return `"${name.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`;
}

function subscriptionsOf(series: {
  readonly name: string;
  readonly columns: readonly string[];
  readonly values: readonly (readonly (string | readonly string[])[])[];
}): readonly Subscription[] {
  const at = (name: string): number => series.columns.indexOf(name);
  return series.values.map((row) => ({
    database: series.name,
    policy: String(row[at('retention_policy')] ?? ''),
    name: String(row[at('name')] ?? ''),
    destinations: [row[at('destinations')] ?? []].flat(),
  }));
}
