import { afterEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { patched } from '../support/patched.ts';
import { openUserStore } from '../../src/users/store.ts';
import { read } from '../docs/tree.ts';
import type { Act } from '../support/converse.ts';
import { findCurl } from '../support/curl.ts';
import { findInfluxd, startInfluxd } from '../support/influxdb.ts';
import type { InfluxdProcess } from '../support/influxdb.ts';
import { findKapacitor } from '../support/kapacitor.ts';
import type { KapacitorBinaries } from '../support/kapacitor.ts';
import { lessened } from '../support/lessened.ts';
import { stepsOf, withKeys, withoutKey } from '../support/page.ts';
import type { PagePart, PageStep } from '../support/page.ts';
import { startWriting } from '../support/points.ts';
import { openHost } from '../support/retrofit-host.ts';
import type { Hands, RetrofitHost } from '../support/retrofit-host.ts';
import { visitorsOf } from '../support/retrofit-traffic.ts';
import type { Visitor } from '../support/retrofit-traffic.ts';
import { createTempDir } from '../support/temp-dir.ts';
import type { CommandResult } from '../support/gateway-process.ts';

const influxd = findInfluxd('docs/retrofit.md, line by line');
const hasCurl = findCurl('docs/retrofit.md, line by line');
const binaries = influxd === undefined ? undefined : findKapacitor('docs/retrofit.md before one');
const steps = stepsOf(read('docs/retrofit.md'));
const TIMEOUT_MS = 600_000;
const WRITE_EVERY_MS = 50;
/** What Kapacitor has taken and not yet worked off when it is told to end goes with it. */
const IN_FLIGHT_MS = 1_000;

const stops: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

function step(title: string): PageStep {
  const found = steps.find((each) => each.title.startsWith(title));
  if (found === undefined) throw new Error(`the page has no step ${title}`);
  return found;
}

/** A host as it was for years, and what the steps need there. */
async function open(kapacitor: KapacitorBinaries | undefined) {
  const dir = await createTempDir();
  stops.push(() => dir.remove());
  const influx = await startInfluxd(influxd ?? '');
  stops.push(() => influx.stop());
  await influx.query('CREATE DATABASE telegraf');
  const host = await openHost({ dir: dir.path, influx, binaries: kapacitor });
  stops.push(() => host.stop());
  const writing = startWriting(influx, WRITE_EVERY_MS);
  stops.push(() => writing.stop());
  const knowsPaths = kapacitor !== undefined && kapacitor.version !== '1.5.7';
  const visitors = visitorsOf(dir.path, kapacitor?.cli);
  return { dir: dir.path, influx, host, writing, visitors, knowsPaths };
}

type Scene = Awaited<ReturnType<typeof open>>;

/** The lines of a part, in their order; with what each said. */
async function play(
  host: RetrofitHost,
  part: PagePart,
  hands: Hands = {},
): Promise<readonly CommandResult[]> {
  const results: CommandResult[] = [];
  for (const line of part.commands) results.push(await host.run(line, hands));
  return results;
}

async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within a minute: ${what}`);
    await sleep(100);
  }
}

/** A point that is written from now on comes to Kapacitor. */
async function pointsArrive({ host, writing }: Scene): Promise<void> {
  const from = writing.taken.at(-1)?.n ?? 0;
  await until('a point', () => [...host.arrived().keys()].some((n) => n > from));
}

async function destinations(influx: InfluxdProcess): Promise<readonly string[]> {
  const answer = (await influx.query('SHOW SUBSCRIPTIONS')) as {
    results: { series?: { values: [string, string, string, string[]][] }[] }[];
  };
  return answer.results.flatMap(({ series = [] }) =>
    series.flatMap(({ values }) => values.flatMap(([, , , urls]) => urls)),
  );
}

async function install({ host }: Scene): Promise<string> {
  const { todo, check } = step('1.');
  const [, made] = await play(host, todo);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  for (const toml of todo.toml) {
    await host.edit(host.gatewayToml, (text) => withKeys(text, host.here(toml)));
  }
  const [checked] = await play(host, check);
  expect(checked?.code).toBe(1);
  expect(faultsIn(checked)).toEqual([expect.stringMatching(new RegExp(`:${host.port + 100}\\b`))]);
  expect(checked?.stdout).toMatch(/REHEARSAL/);
  return made?.stdout ?? '';
}

function faultsIn(result: CommandResult | undefined): readonly string[] {
  return (result?.stdout ?? '').split('\n').filter((line) => line.startsWith('fault'));
}

async function changePlaces(scene: Scene, said: string): Promise<void> {
  const { host, influx } = scene;
  await host.edit(host.kapacitorConf, (text) => patched(text, said));
  await play(host, step('2.').todo);
  const [ping, checked] = await play(host, step('2.').check);
  expect(ping?.stdout).toMatch(/^HTTP\/1.1 204 [\s\S]*^X-Kapacitor-Version: 1\./im);
  expect({ code: checked?.code, faults: faultsIn(checked) }).toEqual({ code: 0, faults: [] });
  expect(await destinations(influx)).toEqual([`http://localhost:${host.port}`]);
  await pointsArrive(scene);
}

async function goBackFromThere(scene: Scene, before: string): Promise<void> {
  const { host, influx } = scene;
  const [disable = '', restart = ''] = step('2.').back.commands;
  await host.run(disable);
  await host.edit(host.kapacitorConf, () => before);
  await host.run(restart);
  expect(await destinations(influx)).toEqual([`http://localhost:${host.port}`]);
  await pointsArrive(scene);
}

async function makeAdmin({ host }: Scene): Promise<void> {
  const hands = { password: 'password of root' };
  const [made] = await play(host, step('3.').todo, hands);
  expect(made).toMatchObject({ code: 0 });
  const [listed] = await play(host, step('3.').check, hands);
  expect(JSON.parse(listed?.stdout ?? '')).toMatchObject({ users: [{ name: 'root' }] });
  const [refused] = await play(host, step('3.').check, { password: 'another' });
  expect(refused?.stdout).toMatch(/authorization failed/);
}

/** What to do before each yes, by the table of step 4. */
function actsFor({ host }: Scene): readonly Act[] {
  const rows = [...step('4.').todo.text.matchAll(/^\| (.*?) +\| (.*?) +\|$/gm)].slice(2);
  expect(rows).toHaveLength(3);
  return rows.map(([, asks = '', first = '']): Act => {
    const words = asks.split(/\(…\)|…/)[0] ?? '';
    const lines = [...first.matchAll(/`(sudo [^`]*)`/g)].map(([, line = '']) => line);
    return [
      words,
      async (said) => {
        if (first.includes('kapacitor.conf')) {
          const printed = [...said.matchAll(/^ {4}([a-z].*)$/gm)].map(([, line = '']) => line);
          expect(printed).toContain(`http-port = ${host.port}`);
          const added = `[[influxdb]]\n${printed.join('\n')}`;
          await host.edit(host.kapacitorConf, (text) => withKeys(text, added));
        }
        for (const line of lines) await host.run(line);
      },
    ];
  });
}

async function giveSecretPath(scene: Scene): Promise<void> {
  const { host, influx, knowsPaths } = scene;
  const [line = ''] = step('4.').todo.commands.filter((each) => each.includes('subscriptions add'));
  const given = await host.run(line, { acts: actsFor(scene) });
  expect({ code: given.code, said: given.stderr }).toMatchObject({
    code: 0,
    said: expect.stringMatching(/done: points arrive through/) as unknown,
  });
  const conf = await readFile(host.kapacitorConf, 'utf8');
  expect(conf.includes('subscription-path')).toBe(knowsPaths);
  await pointsArrive(scene);
  const urls = await destinations(influx);
  expect(urls).toEqual([
    expect.stringMatching(new RegExp(`^http://localhost:${host.port}/sub/[\\w-]{43}$`)),
  ]);
  // Uses are written down up to a minute late; a look of Kapacitor at its subscriptions changes nothing.
  await sleep(2_500);
  expect(await destinations(influx)).toEqual(urls);
  const [listed] = await play(host, step('4.').check);
  expect(listed?.stdout).toMatch(/^influxdb +all +current +\S+ +(?:\d{4}-\S+|never) +-$/m);
  const alone = await fetch(`http://127.0.0.1:${host.port + 100}/sub/x/write?db=telegraf`, {
    method: 'POST',
    headers: { Connection: 'close' },
  });
  expect(alone.status).toBe(404);
}

async function takeItBack(scene: Scene): Promise<void> {
  const { host, influx } = scene;
  const [stop = '', drop = '', ...rest] = step('4.').back.commands;
  await host.run(stop);
  await host.edit(host.kapacitorConf, (text) => withoutKey(text, 'subscription-path'));
  const name = /"(kapacitor-[^"]+)"/.exec(JSON.stringify(await influx.query('SHOW SUBSCRIPTIONS')));
  const own = { 'kapacitor-ID': name?.[1] ?? '' };
  expect((await host.run(drop, { own })).stdout).toBe('{"results":[{"statement_id":0}]}');
  for (const line of rest) expect((await host.run(line)).code).toBe(0);
  expect(await destinations(influx)).toEqual([`http://localhost:${host.port}`]);
  await pointsArrive(scene);
}

describe('docs/retrofit.md', () => {
  const here = influxd === undefined || !hasCurl ? test.skip : test;
  const withReal = binaries === undefined ? test.skip : here;

  withReal(`is played before a real Kapacitor`, () => playAll(binaries), TIMEOUT_MS);
  here('is played before a stand-in for 1.5.7', () => playAll(undefined), TIMEOUT_MS);

  async function playAll(kapacitor: KapacitorBinaries | undefined): Promise<void> {
    const scene = await open(kapacitor);
    await pointsArrive(scene);
    const before = await readFile(scene.host.kapacitorConf, 'utf8');
    const said = await install(scene);
    await changePlaces(scene, said);
    await goBackFromThere(scene, before);
    await changePlaces(scene, said);
    await makeAdmin(scene);
    await giveSecretPath(scene);
    await takeItBack(scene);
    await giveSecretPath(scene);
  }
});
