import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import type { Ends } from '../../../src/commands/doctor/destination.ts';
import type { Finding } from '../../../src/commands/doctor/finding.ts';
import { examine } from '../../../src/commands/doctor/patient.ts';
import { subscriptionFindings } from '../../../src/commands/doctor/subscriptions.ts';
import { openInfluxDb } from '../../../src/commands/subscriptions/influxdb.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { Secret } from '../../../src/kernel/secret.ts';
import { startRecordingUpstream } from '../../support/recording-upstream.ts';
import type { RecordingUpstream } from '../../support/recording-upstream.ts';
import { makeMachine } from './machine.ts';

let server: RecordingUpstream;
let options: Record<string, unknown>[];
let subscriptions: unknown;

/** Both Kapacitor and InfluxDB, by path. */
beforeAll(async () => {
  server = await startRecordingUpstream(({ target }, response) => {
    const path = target.split('?')[0] ?? '';
    const known: Record<string, unknown> = {
      '/kapacitor/v1/config/influxdb': { elements: options.map((each) => ({ options: each })) },
      '/kapacitor/v1/debug/vars': { cluster_id: 'ID', server_id: 'SERVER', host: 'kap' },
      '/query': subscriptions,
    };
    const answer = known[path];
    response.writeHead(answer === undefined ? 404 : 200).end(JSON.stringify(answer ?? {}));
  });
});

afterAll(() => server.stop());

beforeEach(() => {
  server.clear();
  options = [];
  subscriptions = { results: [{ statement_id: 0 }] };
});

const ENDS: Ends = {
  gateUrl: 'http://127.0.0.1:9092',
  gatePort: 9092,
  upstreamPort: 9192,
  isHere: (host) => Promise.resolve(host === 'kap'),
  isKnown: (secret) => secret.reveal() === 'GOOD',
};

async function findings(user?: string, password?: Secret): Promise<readonly Finding[]> {
  const toml = `[upstream]\nurl = "${server.url}"\n`;
  const loaded = loadConfig({ file: 'g.toml', env: {}, readFile: () => toml });
  const patient = examine(makeMachine({}), loaded);
  const influxdb = openInfluxDb({ url: server.url, user, password });
  return subscriptionFindings(patient, ENDS, {}, influxdb);
}

/** As 1.5.9 has it. */
const STOCK = {
  ...{ name: 'east', enabled: true, 'disable-subscriptions': false, 'http-port': 9092 },
  ...{ 'subscription-protocol': 'http', 'subscription-path': '', 'kapacitor-hostname': '' },
};

describe('what Kapacitor makes subscriptions for', () => {
  test.each([
    [
      'by a known path',
      { 'subscription-path': '/sub/GOOD' },
      'ok',
      'by a path that the gate knows',
    ],
    ['by an old path', { 'subscription-path': '/sub/OLD' }, 'fault', 'that the gate does not know'],
    ['without a path', {}, 'warning', 'to kap:9092 without a secret path'],
    ['by another path', { 'subscription-path': '/CANARY' }, 'warning', 'none of the gate’s'],
    ['to Kapacitor’s port', { 'http-port': 0 }, 'fault', 'to Kapacitor’s own port 9192'],
    ['to that port by name', { 'http-port': 9192 }, 'fault', 'to Kapacitor’s own port 9192'],
    [
      'to another port',
      { 'http-port': 80 },
      'warning',
      'to kap:80, which is not the gate’s port 9092',
    ],
    ['by UDP', { 'subscription-protocol': 'udp' }, 'fault', 'subscribes by UDP'],
    ['of another host', { 'kapacitor-hostname': 'kap2' }, 'warning', 'to kap2:9092'],
    ['none at all', { 'disable-subscriptions': true }, 'ok', 'makes no subscriptions'],
    ['none, being off', { enabled: false }, 'ok', 'makes no subscriptions'],
  ])('is judged: %s', async (_, more, result, words) => {
    options = [{ ...STOCK, ...more }];
    const [found] = await findings();
    expect(found).toMatchObject({ result });
    expect(found?.what).toContain(words);
    expect(JSON.stringify(found)).not.toContain('CANARY');
  });

  test('is told apart from a Kapacitor that knows no such path', async () => {
    const old = Object.entries(STOCK).filter(([key]) => key !== 'subscription-path');
    options = [Object.fromEntries(old)];
    expect((await findings())[0]?.fix).toContain('before 1.5.8');
  });

  test('is said to be unseen where Kapacitor does not tell', async () => {
    options = [{ name: 7 }];
    expect((await findings())[0]).toMatchObject({ result: 'unseen' });
  });
});

describe('which subscriptions InfluxDB has', () => {
  function has(...rows: readonly (readonly [name: string, destination: string])[]): void {
    subscriptions = {
      results: [
        {
          series: [
            {
              name: 'tele"graf',
              columns: ['retention_policy', 'name', 'mode', 'destinations'],
              values: rows.map(([name, url]) => ['autogen', name, 'ANY', [url]]),
            },
          ],
        },
      ],
    };
  }

  async function ofInfluxDB(): Promise<readonly Finding[]> {
    return (await findings()).slice(1);
  }

  test.each([
    ['past the gate', 'http://kap:9192', 'goes past the gate, to http://kap:9192'],
    ['by UDP', 'udp://kap:40000', 'goes past the gate, to udp://kap:40000'],
    ['bare', 'http://kap:9092', 'goes to http://kap:9092, without a secret path'],
    ['by an old path', 'http://kap:9092/sub/CANARY', 'to http://kap:9092/sub/[redacted], a path'],
  ])('finds one that goes %s, with the statement that ends it', async (_, url, words) => {
    has(['kapacitor-ID', url]);
    const [found] = await ofInfluxDB();
    expect(found).toMatchObject({ result: 'fault' });
    expect(found?.what).toContain(words);
    expect(found?.fix).toContain('curl -X POST -u ADMIN http://127.0.0.1:9092/kapacitor');
    expect(found?.fix).toContain('DROP SUBSCRIPTION "kapacitor-ID" ON "tele\\"graf"."autogen"');
    expect(JSON.stringify(found)).not.toContain('CANARY');
  });

  test('lets those pass that come to the gate, and those of others', async () => {
    has(['kapacitor-ID', 'http://kap:9092/sub/GOOD'], ['other', 'http://elsewhere:9092']);
    expect(await ofInfluxDB()).toMatchObject([
      {
        result: 'ok',
        what: 'the subscription kapacitor-ID on tele"graf.autogen comes to the gate',
      },
    ]);
  });

  test('warns of one of this Kapacitor that goes to another machine', async () => {
    has(['kapacitor-SERVER', 'http://old-name:9092']);
    expect(await ofInfluxDB()).toMatchObject([{ result: 'warning' }]);
  });

  test('says so where there are none', async () => {
    expect(await ofInfluxDB()).toMatchObject([
      { result: 'ok', what: 'InfluxDB has no subscription to this Kapacitor' },
    ]);
  });

  test('asks with user and password, in a header', async () => {
    await findings('root', new Secret('pa ss'));
    const asked = server.requests.find(({ target }) => target.startsWith('/query'));
    expect([asked?.target, asked?.body.toString()]).toEqual(['/query', 'q=SHOW+SUBSCRIPTIONS']);
    expect(asked?.headers).toContainEqual([
      'Authorization',
      `Basic ${Buffer.from('root:pa ss').toString('base64')}`,
    ]);
  });

  test.each([
    ['an error', { results: [{ error: 'not authorized' }] }, 'not authorized'],
    ['another program', { hello: 1 }, 'does not answer as InfluxDB 1.x does'],
  ])('is said to be unseen at %s', async (_, answer, words) => {
    subscriptions = answer;
    const [found] = await ofInfluxDB();
    expect(found).toMatchObject({ result: 'unseen' });
    expect(found?.what).toContain(words);
  });
});
