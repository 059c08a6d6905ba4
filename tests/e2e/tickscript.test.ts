import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { z } from 'zod';
import { ROOT } from '../docs/tree.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { findKapacitor, startKapacitor } from '../support/kapacitor.ts';
import type { Kapacitor } from '../support/kapacitor.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { TempDir } from '../support/temp-dir.ts';

const found = findKapacitor('the TICKscript that watches the gateway');
const withKapacitor = found?.cli === undefined ? describe.skip : describe;

const TOPIC = z.object({
  events: z.array(z.object({ id: z.string(), state: z.object({ level: z.string() }) })).optional(),
});

let dir: TempDir;
let kapacitor: Kapacitor;
let gateway: GatewayProcess;
let adminPort: number;

/** Prometheus' text as Telegraf's prometheus input writes it: a measurement a metric, its labels as tags. */
function asTelegraf(text: string): string {
  const kinds = new Map([...text.matchAll(/^# TYPE (\S+) (\S+)/gm)].map(([, a = '', b]) => [a, b]));
  const lines = [...text.matchAll(/^(kapgate_\w+)(?:\{(.*)\})? (\S+)$/gm)];
  return lines
    .filter(([, name = '']) => kinds.get(name) === 'counter' || kinds.get(name) === 'gauge')
    .map(([, name = '', labels = '', value]) => {
      const tags = labels.replaceAll('"', '');
      return `${name},url=gate${tags === '' ? '' : `,${tags}`} ${kinds.get(name)}=${value}`;
    })
    .join('\n');
}

/** What Telegraf does every ten seconds. */
async function scrape(): Promise<void> {
  const metrics = await fetch(`http://127.0.0.1:${adminPort}/metrics`);
  const written = await fetch(`${kapacitor.url}/write?db=telegraf&rp=autogen`, {
    method: 'POST',
    body: asTelegraf(await metrics.text()),
  });
  expect(written.status).toBe(204);
}

async function levels(): Promise<Readonly<Record<string, string>>> {
  const events = await fetch(`${kapacitor.url}/kapacitor/v1/alerts/topics/kapgate/events`);
  const { events: told = [] } = TOPIC.parse(await events.json());
  return Object.fromEntries(told.map(({ id, state }) => [id, state.level]));
}

function kapacitorCli(...args: string[]): void {
  const cli = found?.cli ?? '';
  const { status, stdout, stderr } = spawnSync(cli, ['-url', kapacitor.url, ...args], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`kapacitor ${args.join(' ')}: ${stdout}${stderr}`);
}

withKapacitor('docs/kapgate.tick', () => {
  beforeAll(async () => {
    if (found === undefined) return;
    dir = await createTempDir();
    kapacitor = await startKapacitor(found);
    adminPort = await findFreePort();
    gateway = await startGateway({
      dir: dir.path,
      upstream: kapacitor.url,
      settings: { admin: { 'bind-address': `"127.0.0.1:${adminPort}"` } },
    });
  });
  afterAll(async () => {
    await gateway.stop();
    await kapacitor.stop();
    await dir.remove();
  });

  test('tells of points that come without credentials, and of nothing that is well', async () => {
    const script = join(ROOT, 'docs/kapgate.tick');
    const task = ['-type', 'stream', '-tick', script, '-dbrp', 'telegraf.autogen'];
    kapacitorCli('define', 'kapgate', ...task);
    kapacitorCli('enable', 'kapgate');
    const writeWithoutCredentials = async (): Promise<void> => {
      const answer = await fetch(`http://127.0.0.1:${gateway.port}/write?db=telegraf`, {
        method: 'POST',
        body: 'cpu value=1',
      });
      expect(answer.status).toBe(401);
    };
    await writeWithoutCredentials();
    await scrape();
    const told = async (): Promise<boolean> => {
      await writeWithoutCredentials();
      await scrape();
      return Object.keys(await levels()).length >= 2;
    };
    await eventually('two alerts', told);
    expect(await levels()).toEqual({
      'kapgate-bare-writes gate': 'WARNING',
      'kapgate-writes gate 4xx unauthorized write': 'WARNING',
    });
  });
});
