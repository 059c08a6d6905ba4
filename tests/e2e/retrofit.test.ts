import { afterEach, describe, expect, test } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { openUserStore } from '../../src/users/store.ts';
import { read } from '../docs/tree.ts';
import { call } from '../support/api.ts';
import type { Act } from '../support/converse.ts';
import { findCurl } from '../support/curl.ts';
import type { CommandResult } from '../support/gateway-process.ts';
import { findInfluxd, startInfluxd } from '../support/influxdb.ts';
import type { InfluxdProcess } from '../support/influxdb.ts';
import { findKapacitor } from '../support/kapacitor.ts';
import type { KapacitorBinaries } from '../support/kapacitor.ts';
import { lessened } from '../support/lessened.ts';
import { stepsOf, withKeys, withoutKey } from '../support/page.ts';
import type { PagePart, PageStep } from '../support/page.ts';
import { patched } from '../support/patched.ts';
import { startWriting } from '../support/points.ts';
import type { Writing } from '../support/points.ts';
import { openHost } from '../support/retrofit-host.ts';
import type { Hands, RetrofitHost } from '../support/retrofit-host.ts';
import { visitorsOf } from '../support/retrofit-traffic.ts';
import type { Visitor } from '../support/retrofit-traffic.ts';
import { createTempDir } from '../support/temp-dir.ts';

const influxd = findInfluxd('docs/retrofit.md, line by line');
const hasCurl = findCurl('docs/retrofit.md, line by line');
const binaries = influxd === undefined ? undefined : findKapacitor('docs/retrofit.md before one');
const steps = stepsOf(read('docs/retrofit.md'));
const TIMEOUT_MS = 600_000;
const WRITES_PER_SECOND = 20;
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
  const writing = startWriting(influx, WRITES_PER_SECOND);
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
  const from = lastOf(writing);
  await until('a point', () => [...host.arrived().keys()].some((n) => n > from));
}

function lastOf({ taken }: Writing): number {
  return Math.max(0, ...taken.map(({ n }) => n));
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
  // Not fetch: it keeps its connections, and the doctor would see them.
  const alone = await call(host.port + 100, 'POST', '/sub/x/write?db=telegraf');
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

/** 1.5.7 makes a bare one, which gets a secret of its own; newer ones give it the path. */
async function addDatabase(scene: Scene): Promise<void> {
  const { host, influx, knowsPaths } = scene;
  const [line = ''] = step('New databases').todo.commands;
  await influx.query('CREATE DATABASE fresh');
  await until('its subscription', async () => (await destinations(influx)).length === 2);
  const bare = `http://localhost:${host.port}`;
  expect((await destinations(influx)).includes(bare)).toBe(!knowsPaths);
  const write = await startFresh(influx);
  const given = await host.run(line, { acts: [] });
  await write.stop();
  expect(given.stderr).toMatch(/done: points arrive through/);
  expect(await destinations(influx)).not.toContain(bare);

  // As a subscription of InfluxDB 1.4 and older writes: what is below is the same secret.
  const paths = (await destinations(influx)).map((url) => new URL(url).pathname);
  const query = new URLSearchParams({ db: 'fresh', u: '~subscriber', p: paths[0]?.slice(5) ?? '' });
  const written = await fetch(`${bare}/write?${query.toString()}`, {
    method: 'POST',
    body: 'a b=1',
  });
  expect(written.status).toBe(204);
}

/** Points that come by themselves, for whoever looks whether they arrive. */
async function startFresh(influx: InfluxdProcess) {
  const timer = setInterval(() => void influx.write('fresh', 'cpu value=1').catch(() => 0), 100);
  await influx.write('fresh', 'cpu value=1');
  return {
    stop: async () => {
      clearInterval(timer);
      await sleep(100);
    },
  };
}

interface Proposal {
  readonly name: string;
  readonly permissions: readonly string[];
  readonly clients: readonly { readonly name: string; readonly 'user-agent': string }[];
}

/** Who came, and the line that makes each a user. */
async function learnWhoCame(scene: Scene): Promise<ReadonlyMap<Visitor, Proposal>> {
  const { host, visitors } = scene;
  for (const visitor of visitors) expect(await visitor.visit(host.port, undefined)).toEqual([]);
  // What was gathered is written, sooner than in a minute.
  await host.run('sudo systemctl reload kapgate');
  const [learned] = await play(host, step('5.').todo);
  expect(learned?.code).toBe(0);
  const said = learned?.stdout ?? '';
  expect(said).toMatch(/ kapgate subscriptions add influxdb .*--db telegraf\n/);
  const lines = [...said.matchAll(/^ +(kapgate users add .*)$/gm)].map(([, line = '']) => line);
  expect(lines).toHaveLength(visitors.length);
  for (const line of lines) {
    const name = / add (\S+)/.exec(line)?.[1] ?? '';
    const made = await host.run(`sudo ${line}`, { password: passwordOf(name) });
    expect({ line, said: made.stderr, code: made.code }).toMatchObject({ code: 0 });
  }
  const file = host.here('/var/log/kapgate/audit.log');
  const { stdout } = await host.run(`sudo kapgate learn --json ${file}`);
  const { proposals } = JSON.parse(stdout) as { readonly proposals: readonly Proposal[] };
  const proposalOf = ({ program }: Visitor): Proposal => {
    const found = proposals.find(({ clients }) =>
      clients.some((each) => each.name === '' && each['user-agent'].startsWith(program)),
    );
    if (found === undefined) throw new Error(`nothing is proposed for ${program}`);
    return found;
  };
  return new Map(visitors.map((visitor) => [visitor, proposalOf(visitor)]));
}

function passwordOf(name: string): string {
  return `password-of-${name}`;
}

type Users = ReadonlyMap<Visitor, Proposal>;

async function visitAs(host: RetrofitHost, users: Users): Promise<readonly string[]> {
  const denied: string[] = [];
  for (const [visitor, { name }] of users) {
    denied.push(...(await visitor.visit(host.port, `${name}:${passwordOf(name)}`)));
  }
  return denied;
}

async function giveUsers({ host }: Scene, users: Users): Promise<void> {
  const { todo, check } = step('6.');
  await host.run('sudo systemctl reload kapgate');
  await play(host, todo);
  // Somebody has mistyped.
  const [[telegraf, proposal] = []] = users;
  const name = proposal?.name ?? '';
  expect(await telegraf?.visit(host.port, `${name}:mistyped`)).toEqual([]);
  expect(await visitAs(host, users)).toEqual([]);
  await host.run('sudo systemctl reload kapgate');
  const [checked, wrong] = await play(host, check);
  expect({ code: checked?.code, said: checked?.stdout }).toMatchObject({
    code: 0,
    said: expect.stringMatching(/WOULD REFUSE\n\nnothing/) as unknown,
  });
  const lines = (wrong?.stdout ?? '').trim().split('\n');
  expect(lines).toEqual([expect.stringContaining(`"claimed":"${name}"`)]);
}

const FETCH_KEEPS_MS = 5_000;

async function close(scene: Scene, users: Users): Promise<void> {
  const { host } = scene;
  const { todo, check, back } = step('7.');
  const setTo = async (toml: string): Promise<void> => {
    await host.edit(host.gatewayToml, (text) => withKeys(text, toml));
  };
  const tasks = check.commands.filter((line) => line.startsWith('curl'));
  const closeGate = async (): Promise<void> => {
    for (const toml of todo.toml) await setTo(toml);
    await play(host, todo);
  };
  await closeGate();
  expect((await host.run(tasks[0] ?? '')).stdout).toMatch(/^HTTP\/1.1 401 /);
  expect(back.text).toContain('`observe = true`');
  await setTo('[auth]\nobserve = true\n');
  await play(host, back);
  expect((await host.run(tasks[0] ?? '')).stdout).toMatch(/^HTTP\/1.1 200 /);
  await closeGate();

  // `subscriptions` ran in this process, whose fetch keeps its connections to Kapacitor for a while.
  await sleep(FETCH_KEEPS_MS);
  const [refused, diagnosed, log] = await play(host, check);
  expect(refused?.stdout).toMatch(/^HTTP\/1.1 401 /);
  expect({ code: diagnosed?.code, faults: faultsIn(diagnosed) }).toEqual({ code: 0, faults: [] });
  expect(log?.stdout).toMatch(/path=\/kapacitor\/v1\/tasks .*status=401/);
  await pointsArrive(scene);
  expect(await visitAs(host, users)).toEqual([]);
}

/** Each user with one privilege less, in every way. @returns how many ways */
async function takePrivileges({ host }: Scene, users: Users): Promise<number> {
  const store = openUserStore({ path: host.here('/var/lib/kapgate'), minimumCost: 4 });
  let tried = 0;
  try {
    for (const [visitor, { name, permissions }] of users) {
      for (const less of lessened(permissions)) {
        await store.update(name, { permissions: less });
        const denied = await visitor.visit(host.port, `${name}:${passwordOf(name)}`);
        expect({ name, less, denied: denied.length > 0 }).toEqual({ name, less, denied: true });
        tried += 1;
      }
      await store.update(name, { permissions });
    }
  } finally {
    await store.close();
  }
  return tried;
}

/** Every point arrives once, but for those written while a server was down. */
async function countPoints({ host, writing }: Scene): Promise<void> {
  await writing.stop();
  const { taken } = writing;
  await until('the last point', () => host.arrived().has(lastOf(writing)));
  await sleep(500);
  const arrived = host.arrived();
  const isExpected = (ms: number): boolean =>
    host.outages.every(({ from, to }) => ms < from - IN_FLIGHT_MS || ms > to);
  const expected = taken.filter(({ ms }) => isExpected(ms));
  const lost = expected.filter(({ n }) => !arrived.has(n));
  const twice = [...arrived].filter(([, count]) => count > 1);
  const downMs = host.outages.reduce((sum, { from, to }) => sum + to - from, 0);
  process.stderr.write(
    `${taken.length} points, ${taken.length - expected.length} of them in the ${downMs} ms of ` +
      `${host.outages.length} changes; lost outside: ${lost.length}, twice: ${twice.length}\n`,
  );
  expect({ lost, twice }).toEqual({ lost: [], twice: [] });
  expect(expected.length).toBeGreaterThan(100);
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
    await addDatabase(scene);
    const users = await learnWhoCame(scene);
    await giveUsers(scene, users);
    await close(scene, users);
    expect(await takePrivileges(scene, users)).toBeGreaterThan(10);
    const [diagnosed] = await play(scene.host, step('8.').check);
    expect(faultsIn(diagnosed)).toEqual([]);
    await play(scene.host, step('8.').back);
    for (const line of step('6.').back.commands) {
      const own = { NAME: [...users.values()][0]?.name ?? '' };
      expect(await scene.host.run(line, { own })).toMatchObject({ code: 0 });
    }
    await countPoints(scene);
    expect(commandsOfThePage().filter((line) => !scene.host.played.has(line))).toEqual([]);
  }

  function commandsOfThePage(): readonly string[] {
    return steps.flatMap(({ todo, check, back }) =>
      [todo, check, back].flatMap(({ commands }) => commands),
    );
  }
});
