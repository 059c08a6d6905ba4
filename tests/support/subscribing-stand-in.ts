import { readFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConf } from '../../src/commands/init/conf.ts';
import { answerAsKapacitor } from './kapacitor-stand-in.ts';
import { startRecordingUpstream } from './recording-upstream.ts';
import type { RecordedRequest } from './recording-upstream.ts';

export interface SubscribingStandIn {
  readonly requests: readonly RecordedRequest[];
  stop(): Promise<void>;
}

const VERSION = '1.5.7';
const CLUSTER = 'stand-in';
const SYNC_MS = 1_000;

/**
 * A Kapacitor 1.5.7 as far as a retrofit meets it: it listens where its kapacitor.conf says, and keeps a subscription in
 * every database of InfluxDB, as services/influxdb/service.go does: one that leads to another scheme, host or port is
 * dropped and made anew, one that is missing is made; a path is never compared, and never made.
 */
export async function startSubscribingStandIn(configFile: string): Promise<SubscribingStandIn> {
  const { port, influxdb, options } = await readOwn(configFile);
  const keep = (): Promise<void> => keepSubscriptions(influxdb, options);
  const upstream = await startRecordingUpstream(
    async (recorded, response, incoming) => {
      const path = recorded.target.split('?')[0] ?? '';
      const own = OWN[`${recorded.method} ${path}`];
      if (own === undefined) {
        await answerAsKapacitor(recorded, response, incoming);
        return;
      }
      if (own === 'keep') await keep();
      answer(response, own === 'keep' ? undefined : own(options));
    },
    { port },
  );
  const state = { isOver: false };
  const keeping = (async () => {
    while (!state.isOver) {
      await keep().catch(() => undefined);
      await sleep(SYNC_MS);
    }
  })();
  return {
    requests: upstream.requests,
    stop: async () => {
      state.isOver = true;
      await keeping;
      await upstream.stop();
    },
  };
}

type Options = Readonly<Record<string, unknown>> & {
  readonly 'kapacitor-hostname': string;
  readonly 'http-port': number;
};

const OWN: Readonly<Record<string, 'keep' | ((options: Options) => unknown)>> = {
  'GET /kapacitor/v1/ping': () => undefined,
  'HEAD /kapacitor/v1/ping': () => undefined,
  'POST /kapacitor/v1/subscriptions': 'keep',
  'GET /kapacitor/v1/debug/vars': () => ({ cluster_id: CLUSTER, server_id: 'x', num_tasks: 0 }),
  'GET /kapacitor/v1/config/influxdb': (options) => ({ elements: [{ options }] }),
};

function answer(response: ServerResponse, value: unknown): void {
  response.writeHead(value === undefined ? 204 : 200, { 'X-Kapacitor-Version': VERSION });
  response.end(value === undefined ? '' : JSON.stringify(value));
}

async function readOwn(configFile: string) {
  const read = readConf(await readFile(configFile, 'utf8'));
  if ('refused' in read) throw new Error(read.refused);
  const { conf } = read;
  const [section = {}] = conf.influxdb;
  const port = Number(/:(\d+)$/.exec(conf.bindAddress)?.[1]);
  const options: Options = {
    name: 'default',
    'kapacitor-hostname': text(section['kapacitor-hostname']) || conf.hostname,
    'http-port': Number(section['http-port'] ?? 0) || port,
  };
  return { port, influxdb: text((section['urls'] as unknown[])[0]), options };
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

async function keepSubscriptions(influxdb: string, options: Options): Promise<void> {
  const url = `http://${options['kapacitor-hostname']}:${options['http-port']}`;
  const name = `kapacitor-${CLUSTER}`;
  const databases = (await rows(influxdb, 'SHOW DATABASES')).map(({ row }) => text(row[0]));
  const there = (await rows(influxdb, 'SHOW SUBSCRIPTIONS')).filter(({ row }) => row[1] === name);
  for (const database of databases.filter((each) => each !== '_internal')) {
    const place = `"${name}" ON "${database}"."autogen"`;
    const own = there.find(({ series }) => series === database);
    const [destination] = (own?.row[3] ?? []) as readonly string[];
    if (destination !== undefined && new URL(destination).origin === url) continue;
    if (destination !== undefined) await rows(influxdb, `DROP SUBSCRIPTION ${place}`);
    await rows(influxdb, `CREATE SUBSCRIPTION ${place} DESTINATIONS ANY '${url}'`);
  }
}

async function rows(influxdb: string, statement: string) {
  const response = await fetch(`${influxdb}/query`, {
    method: 'POST',
    body: new URLSearchParams({ q: statement }),
  });
  const { results } = (await response.json()) as {
    results: { series?: { name: string; values?: unknown[][] }[] }[];
  };
  return results.flatMap(({ series = [] }) =>
    series.flatMap((each) => (each.values ?? []).map((row) => ({ series: each.name, row }))),
  );
}
