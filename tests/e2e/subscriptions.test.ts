import { afterEach, describe, expect, test } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { knowsPaths } from '../../src/commands/subscriptions/kapacitor.ts';
import { converse } from '../support/converse.ts';
import { eventually } from '../support/eventually.ts';
import { findFreePort } from '../support/free-port.ts';
import { runKapgate, startGateway, writeConfig } from '../support/gateway-process.ts';
import type { GatewayProcess } from '../support/gateway-process.ts';
import { findInfluxd, startInfluxd } from '../support/influxdb.ts';
import type { InfluxdProcess } from '../support/influxdb.ts';
import { findKapacitor, startKapacitor } from '../support/kapacitor.ts';
import { logSoFar } from '../support/logged.ts';
import { countsIn, startWriting } from '../support/points.ts';
import { answering, startRecordingUpstream } from '../support/recording-upstream.ts';
import { createTempDir } from '../support/temp-dir.ts';

const influxd = findInfluxd('subscriptions of a real InfluxDB');
const binaries = influxd === undefined ? undefined : findKapacitor('a retrofit under load');
const withInfluxd = influxd === undefined ? test.skip : test;
const withBoth = influxd === undefined || binaries === undefined ? test.skip : test;

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

/** Stopped when the test ends, behind what was begun later. */
function atEnd<T>(stop: () => Promise<unknown>, thing: T): T {
  stops.push(stop);
  return thing;
}

async function openInflux(): Promise<InfluxdProcess> {
  const influx = await startInfluxd(influxd ?? '');
  return atEnd(() => influx.stop(), influx);
}

async function tempDir(): Promise<string> {
  const dir = await createTempDir();
  return atEnd(() => dir.remove(), dir.path);
}

async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await sleep(100);
  }
}

/** The destinations of all subscriptions, by database. */
async function destinations(influx: InfluxdProcess): Promise<readonly string[]> {
  const answer = (await influx.query('SHOW SUBSCRIPTIONS')) as {
    results: { series?: { values: [string, string, string, string[]][] }[] }[];
  };
  return answer.results.flatMap(({ series = [] }) =>
    series.flatMap(({ values }) => values.flatMap(([, , , urls]) => urls)),
  );
}

describe('subscriptions add --influxdb, before an InfluxDB and a recording upstream', () => {
  async function setUp() {
    const influx = await openInflux();
    const upstream = await startRecordingUpstream(
      answering(204, { 'X-Kapacitor-Version': '1.5.9' }),
    );
    stops.push(() => upstream.stop());
    const gateway = await startGateway({ dir: await tempDir(), upstream: upstream.url });
    stops.push(() => gateway.stop());
    const origin = `http://127.0.0.1:${gateway.port}`;
    await influx.query('CREATE DATABASE telegraf; CREATE DATABASE "o\\"dd"');
    for (const database of ['telegraf', 'o\\"dd']) {
      await influx.query(
        `CREATE SUBSCRIPTION "kapacitor-1" ON "${database}"."autogen" DESTINATIONS ANY '${origin}'`,
      );
    }
    const args = ['--config', gateway.configFile, 'subscriptions'];
    return { influx, upstream, gateway, origin, args };
  }

  withInfluxd(
    'bare subscriptions are replaced, and InfluxDB’s points arrive through the secret path',
    async () => {
      const { influx, upstream, gateway, origin, args } = await setUp();
      await influx.write('telegraf', 'cpu value=1 1');
      await eventually('the bare write is refused', () => gateway.log.includes('status=401'));
      expect(upstream.requests).toEqual([]);

      const given = [...args, 'add', 'influx', '--influxdb', influx.url];
      const result = await converse([...given, '--test-point', '--wait', '20s', '--json']);
      expect({ code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
        code: 0,
        stderr: '',
      });
      const { path } = JSON.parse(result.stdout) as { path: string };
      expect(path).toMatch(/^\/sub\/[A-Za-z0-9_-]{43}$/);
      expect(await destinations(influx)).toEqual([`${origin}${path}`, `${origin}${path}`]);
      expect(result.stderr.replaceAll(path, '')).not.toContain(path.slice('/sub/'.length));

      upstream.clear();
      expect(await influx.write('telegraf', 'cpu value=2 2')).toBe(204);
      await eventually('the point', () => upstream.requests.length > 0);
      expect(upstream.requests).toMatchObject([{ method: 'POST' }]);
      expect(upstream.requests[0]?.target).toMatch(
        /^\/write\?consistency=&db=telegraf&precision=ns&rp=autogen$/,
      );
      expect(upstream.requests[0]?.body.toString()).toBe('cpu value=2 2\n');
      expect(await logSoFar(gateway)).not.toContain(path.slice('/sub/'.length));
      expect(influx.log.length).toBeGreaterThan(0);

      // A rotation, without anybody at the terminal; the old secret goes on until it is ended.
      const rotated = await runKapgate([
        ...[...args, 'rotate', 'influx', '--influxdb', influx.url, '--yes', '--json'],
        ...['--test-point', '--wait', '20s'],
      ]);
      expect({ code: rotated.code, stderr: rotated.code === 0 ? '' : rotated.stderr }).toEqual({
        code: 0,
        stderr: '',
      });
      const next = (JSON.parse(rotated.stdout) as { path: string }).path;
      expect(await destinations(influx)).toEqual([`${origin}${next}`, `${origin}${next}`]);
      const old = await fetch(`${origin}${path}/ping`);
      expect(old.status).toBe(204);
      const ended = await runKapgate([...args, 'rotate', 'influx', '--confirm', '--force']);
      expect(ended.code).toBe(0);
      expect((await fetch(`${origin}${path}/ping`)).status).toBe(401);
      expect((await fetch(`${origin}${next}/ping`)).status).toBe(204);
    },
    180_000,
  );

  withInfluxd(
    'only those of the databases that it may write to; the others are named',
    async () => {
      const { influx, origin, args } = await setUp();
      const given = [
        ...args,
        'add',
        'influx',
        '--db',
        'telegraf',
        '--influxdb',
        influx.url,
        '--json',
      ];
      const result = await converse([...given, '--test-point', '--wait', '20s']);
      const { path } = JSON.parse(result.stdout) as { path: string };
      expect((await destinations(influx)).toSorted()).toEqual([origin, `${origin}${path}`]);
      expect(result.stderr).toMatch(
        /may not write to their databases:\n {2}"kapacitor-1" ON "o"dd"/,
      );
      expect(result.code).toBe(0);
    },
    180_000,
  );

  withInfluxd(
    'who says no has changed nothing in InfluxDB, and has the secret all the same',
    async () => {
      const { influx, origin, args } = await setUp();
      const given = [...args, 'add', 'influx', '--influxdb', influx.url, '--wait', '1s'];
      const result = await converse(given, { says: '' });
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/stopped here, as you said no/);
      expect(result.stdout).toMatch(/subscription-path = "\/sub\/[A-Za-z0-9_-]{43}"/);
      expect(await destinations(influx)).toEqual([origin, origin]);
    },
    180_000,
  );

  withInfluxd(
    'where nothing arrives it is not called done',
    async () => {
      const { influx, args } = await setUp();
      const given = [...args, 'add', 'influx', '--influxdb', influx.url, '--wait', '1s', '--yes'];
      const result = await runKapgate(given);
      expect(result.code).toBe(1);
      expect(result.stderr).toMatch(/no point has come through the new subscriptions yet/);
    },
    180_000,
  );

  withInfluxd(
    'an InfluxDB that refuses, or has nothing of Kapacitor, leaves no secret behind',
    async () => {
      const { influx, args } = await setUp();
      for (const [url, words] of [
        ['http://127.0.0.1:1', /cannot ask InfluxDB at http:\/\/127.0.0.1:1/],
        [`${influx.url}/nowhere`, /answered 404/],
        ['http://a:b@127.0.0.1:1', /takes no credentials in its URL/],
        ['127.0.0.1:1', /takes the URL of an InfluxDB/],
      ] as const) {
        const result = await runKapgate([...args, 'add', 'influx', '--yes', '--influxdb', url]);
        expect(result.code).not.toBe(0);
        expect(result.stderr).toMatch(words);
        expect(result.stdout).toBe('');
      }
      await influx.query('DROP DATABASE telegraf; DROP DATABASE "o\\"dd"');
      const none = await runKapgate([...args, 'add', 'influx', '--yes', '--influxdb', influx.url]);
      expect(none.stderr).toMatch(/has no subscription of this Kapacitor/);
      expect((await runKapgate([...args, 'list'])).stdout).not.toContain('influx');
    },
    180_000,
  );
});

/** What Kapacitor has taken and not yet worked off when it is told to end goes with it. */
const IN_FLIGHT_MS = 1000;

describe('the retrofit, 200 points a second', () => {
  withBoth(
    'every point arrives exactly once, but for those written while kapacitord was down',
    async () => {
      if (binaries === undefined) return;
      const influx = await openInflux();
      await influx.query('CREATE DATABASE telegraf');
      const sink = await startRecordingUpstream(answering(200));
      stops.push(() => sink.stop());
      const [kapacitorDir, gatewayDir] = [await tempDir(), await tempDir()];
      const [port, behind] = [await findFreePort(), await findFreePort()];
      const conf = (lines: readonly string[]): string =>
        [
          `urls = ["${influx.url}"]`,
          'subscriptions-sync-interval = "1s"',
          ...lines,
          '[influxdb.excluded-subscriptions]',
          '_kapacitor = ["autogen"]',
        ].join('\n');

      // As it was: Kapacitor open on the port that everybody knows, and a subscription that Kapacitor has made.
      const daemon = { dir: kapacitorDir, influxdb: conf(['kapacitor-hostname = "127.0.0.1"']) };
      let kapacitor = await startKapacitor(binaries, { ...daemon, port });
      stops.push(() => kapacitor.stop());
      await defineTask(kapacitor.url, sink.url);
      await until('the bare subscription', async () => (await destinations(influx)).length === 1);
      expect(await destinations(influx)).toEqual([`http://127.0.0.1:${port}`]);
      const writing = startWriting(influx);
      stops.push(() => writing.stop());
      await eventually('points', () => sink.requests.length > 50);

      // The steps, as the command tells them.
      const down = { from: 0, to: 0 };
      const options = { dir: gatewayDir, port, upstream: `http://127.0.0.1:${behind}` };
      const configFile = await writeConfig(options);
      let gateway: GatewayProcess | undefined;
      stops.push(async () => gateway?.stop());
      const stopKapacitor = async (): Promise<void> => {
        down.from = Date.now();
        await kapacitor.stop();
      };
      let told = '';
      const startBoth = async (said: string): Promise<void> => {
        told = said;
        gateway = await startGateway(options);
        const again = { dir: kapacitorDir, port: behind, influxdb: conf(linesIn(said)) };
        kapacitor = await startKapacitor(binaries, again);
        down.to = Date.now();
      };
      const result = await converse(
        [
          ...['--config', configFile, 'subscriptions', 'add', 'influx', '--influxdb', influx.url],
          ...['--subscription', await nameOf(influx), '--wait', '30s', '--json'],
        ],
        {
          acts: [
            ['is kapacitord stopped?', stopKapacitor],
            ['running again?', startBoth],
          ],
        },
      );
      expect({ code: result.code, stderr: result.code === 0 ? '' : result.stderr }).toEqual({
        code: 0,
        stderr: '',
      });
      expect(linesIn(told)).toContain(`http-port = ${port}`);
      const { path } = JSON.parse(result.stdout) as { path: string };
      const url = `http://127.0.0.1:${port}${path}`;

      // Kapacitor looks at its subscriptions each second, and gives the path to new databases.
      await influx.query('CREATE DATABASE fresh');
      if (knowsPaths(binaries.version)) {
        await until(
          'one for the new database',
          async () => (await destinations(influx)).length === 2,
        );
      }
      await sleep(3000);
      expect(new Set(await destinations(influx))).toEqual(new Set([url]));

      await writing.stop();
      const taken = writing.taken.toSorted((a, b) => a.n - b.n);
      const wanted = taken.filter(({ ms }) => ms < down.from - IN_FLIGHT_MS || ms > down.to);
      const isThere = (n: number): boolean => countsIn(sink.requests).has(n);
      await eventually('the last point', () => isThere(taken.at(-1)?.n ?? 0));
      await sleep(500);
      const counts = countsIn(sink.requests);
      const lost = wanted.filter(({ n }) => !counts.has(n)).map(({ n }) => n);
      const twice = [...counts].filter(([, count]) => count > 1).map(([n]) => n);
      const unavoidable = taken.length - wanted.length;
      process.stderr.write(
        `${taken.length} points, ${unavoidable} of them in the ${down.to - down.from} ms without kapacitord; ` +
          `lost outside: ${lost.length}, twice: ${twice.length}\n`,
      );
      expect({ lost, twice }).toEqual({ lost: [], twice: [] });
      expect(taken.filter(({ ms }) => ms > down.to).length).toBeGreaterThan(200);

      // A restart of each of the three changes nothing.
      const arrivesAgain = async (value: number): Promise<void> => {
        await until(`point ${value}`, async () => {
          await influx.write('telegraf', `retrofit n=${value}i ${value}000000`);
          await sleep(200);
          return isThere(value);
        });
        expect(new Set(await destinations(influx))).toEqual(new Set([url]));
      };
      await influx.restart();
      await arrivesAgain(1_000_001);
      await gateway?.stop();
      gateway = await startGateway(options);
      await arrivesAgain(1_000_002);
      await kapacitor.stop();
      const again = { dir: kapacitorDir, port: behind, influxdb: conf(linesIn(told)) };
      kapacitor = await startKapacitor(binaries, again);
      await arrivesAgain(1_000_003);

      const bare = await fetch(`http://127.0.0.1:${port}/write?db=telegraf`, {
        method: 'POST',
        body: 'retrofit n=0i 1',
      });
      expect(bare.status).toBe(401);
      const log = (): string => gateway?.log ?? '';
      await eventually('its access line', () => / path=\/write .*status=401/.test(log()));
      expect(log()).not.toContain(path.slice('/sub/'.length));
      expect(kapacitor.log).not.toContain(path.slice('/sub/'.length));
    },
    300_000,
  );

  /** Every point to the sink, one by one. */
  async function defineTask(url: string, sink: string): Promise<void> {
    const script = `stream|from().measurement('retrofit')|httpPost('${sink}')`;
    const dbrps = [{ db: 'telegraf', rp: 'autogen' }];
    const response = await fetch(`${url}/kapacitor/v1/tasks`, {
      method: 'POST',
      body: JSON.stringify({ id: 'all', type: 'stream', dbrps, script, status: 'enabled' }),
    });
    expect({ status: response.status, text: await response.text() }).toMatchObject({ status: 200 });
  }

  /** The lines that an operator was told to put into kapacitor.conf. */
  function linesIn(said: string): readonly string[] {
    return [...said.matchAll(/^ {4}(\S.*)$/gm)].map(([, line]) => line ?? '');
  }

  async function nameOf(influx: InfluxdProcess): Promise<string> {
    const text = JSON.stringify(await influx.query('SHOW SUBSCRIPTIONS'));
    return /"(kapacitor-[0-9a-f-]+)"/.exec(text)?.[1] ?? '';
  }
});
