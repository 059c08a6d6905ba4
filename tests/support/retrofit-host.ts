import { execFileSync, spawn } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { readConf } from '../../src/commands/init/conf.ts';
import { call } from './api.ts';
import { converse } from './converse.ts';
import type { Act } from './converse.ts';
import { findFreePort } from './free-port.ts';
import { isTaken, runKapgate, startByArguments } from './gateway-process.ts';
import type { CommandResult, GatewayProcess } from './gateway-process.ts';
import type { InfluxdProcess } from './influxdb.ts';
import { kapacitorConf, startKapacitor } from './kapacitor.ts';
import type { KapacitorBinaries } from './kapacitor.ts';
import { countsIn, countsInLines } from './points.ts';
import { answering, startRecordingUpstream } from './recording-upstream.ts';
import type { RecordedRequest } from './recording-upstream.ts';
import { startSubscribingStandIn } from './subscribing-stand-in.ts';

/** A time in which points are lost, as the page says: from the end of a server until all is there again. */
interface Outage {
  readonly from: number;
  to: number;
}

/** What a person brings along for one line. */
export interface Hands {
  readonly acts?: readonly Act[];
  readonly password?: string;
  /** What stands on the page for something of their own, and what it is here: `kapacitor-ID`, `NAME`. */
  readonly own?: Readonly<Record<string, string>>;
}

/** A host with Kapacitor, InfluxDB and soon a gateway, on which the lines of docs/retrofit.md are run. */
export interface RetrofitHost {
  /** The port that all clients know. */
  readonly port: number;
  readonly kapacitorConf: string;
  readonly gatewayToml: string;
  readonly outages: readonly Outage[];
  readonly gatewayLog: string;
  /** The lines that were run, as they stand on the page. */
  readonly played: ReadonlySet<string>;
  /** Runs a line as it stands on the page. @throws where nobody knows what it would do */
  run(line: string, hands?: Hands): Promise<CommandResult>;
  /** Text of the page, with the paths and ports of this host. */
  here(text: string): string;
  edit(file: string, change: (text: string) => string): Promise<void>;
  /** How often each point came to Kapacitor. */
  arrived(): ReadonlyMap<number, number>;
  stop(): Promise<void>;
}

export interface HostOptions {
  readonly dir: string;
  readonly influx: InfluxdProcess;
  /** Undefined: a stand-in that answers as 1.5.7. */
  readonly binaries: KapacitorBinaries | undefined;
}

interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** After both answer again InfluxDB takes a moment to see a subscription. */
const SETTLED_MS = 500;

/** An open Kapacitor, as it was for years: started, with a task that hands on every point, and subscribed. */
export async function openHost({ dir, influx, binaries }: HostOptions): Promise<RetrofitHost> {
  const port = await findPortPair();
  const influxPort = new URL(influx.url).port;
  const here = (text: string): string =>
    text
      .replace(/(?<![\w.])\/(?:etc|var)\//g, (path) => `${dir}${path}`)
      .replace(/\b9092\b/g, String(port))
      .replace(/\b9192\b/g, String(port + 100))
      .replace(/\b8086\b/g, influxPort);
  const conf = here('/etc/kapacitor/kapacitor.conf');
  const toml = here('/etc/kapgate/gateway.toml');
  const env = {
    KAPGATE_STORE_PATH: here('/var/lib/kapgate'),
    KAPGATE_AUTH_BCRYPT_COST: '4',
    KAPGATE_ADMIN_BIND_ADDRESS: '',
  };
  // What the packages and the installation make.
  for (const path of ['/etc/kapacitor', '/var/lib/kapacitor', '/var/log/kapgate']) {
    await mkdir(here(path), { recursive: true });
  }
  const stock = kapacitorConf(here('/var/lib/kapacitor'), port, influxdbKeys(influx.url));
  await writeFile(conf, stock.replace('log-enabled = false', 'log-enabled = true'));
  const sink = await startRecordingUpstream(answering(200));
  const kapacitor =
    binaries === undefined
      ? standInService(conf)
      : realService(binaries, conf, here('/var/lib/kapacitor'), sink.url);
  let gateway: GatewayProcess | undefined;
  const kapgate: Service = {
    start: async () => {
      gateway = await startByArguments(['serve', '--config', toml], port, {
        ...{ configFile: toml, env, cwd: dir },
      });
    },
    stop: async () => {
      await gateway?.stop();
    },
  };
  await kapacitor.start();
  await untilSubscribed(influx);
  await sleep(SETTLED_MS);
  const outages: Outage[] = [];
  const settle = async (): Promise<void> => {
    const last = outages.at(-1);
    const isUp = (await isTaken(port)) && (await isTaken(await portIn(conf)));
    if (last?.to !== Infinity || !isUp) return;
    await untilSubscribed(influx);
    await sleep(SETTLED_MS);
    last.to = Date.now();
  };
  const breakOff = (): void => {
    if (outages.at(-1)?.to !== Infinity) outages.push({ from: Date.now(), to: Infinity });
  };
  const services: Readonly<Record<string, () => Promise<unknown>>> = {
    'stop kapacitor': () => kapacitor.stop(),
    'start kapacitor': () => kapacitor.start(),
    'restart kapacitor': () => kapacitor.stop().then(() => kapacitor.start()),
    'enable --now kapgate': () => kapgate.start(),
    'disable --now kapgate': () => kapgate.stop(),
    'reload kapgate': () => reload(gateway),
    // Played by tests/systemd/firewall.test.ts, in a namespace of its own.
    'disable --now kapgate-firewall': () => Promise.resolve(),
  };
  const played = new Set<string>();
  const run = async (line: string, hands: Hands = {}): Promise<CommandResult> => {
    played.add(line);
    let text = here(line.replace(/^sudo /, ''));
    for (const [name, value] of Object.entries(hands.own ?? {})) text = text.replace(name, value);
    const [program = '', ...words] = wordsOf(text);
    switch (program) {
      case 'systemctl': {
        const act = services[words.join(' ')];
        if (act === undefined) throw new Error(`nobody knows what this does: ${line}`);
        if (/^(?:stop|restart|disable --now) kap\w+$/.test(words.join(' '))) breakOff();
        await act();
        await settle();
        return { code: 0, stdout: '', stderr: '' };
      }
      case 'journalctl':
        return { code: 0, stdout: gateway?.log ?? '', stderr: '' };
      case 'influx': {
        const answer = await influx.query(words[words.indexOf('-execute') + 1] ?? '');
        return { code: 0, stdout: JSON.stringify(answer), stderr: '' };
      }
      case 'kapgate': {
        const args = words[0] === 'init' ? words : ['--config', toml, ...words];
        return isAsking(words)
          ? converse(args, { ...hands, env })
          : runKapgate(args, { env, cwd: dir, timeoutMs: 120_000 });
      }
      case 'curl':
      case 'grep':
      case 'install':
      case 'mv':
        return runProgram(program, words, hands.password);
      default:
        throw new Error(`nobody knows what this does: ${line}`);
    }
  };
  return {
    ...{ port, kapacitorConf: conf, gatewayToml: toml, outages, played, run, here },
    get gatewayLog() {
      return gateway?.log ?? '';
    },
    edit: async (file, change) => {
      await writeFile(file, change(await readFile(file, 'utf8')));
    },
    arrived: () =>
      binaries === undefined ? countsInLines(kapacitor.requests()) : countsIn(sink.requests),
    stop: async () => {
      await kapgate.stop();
      await kapacitor.stop();
      await sink.stop();
    },
  };
}

function influxdbKeys(url: string): string {
  return `  urls = ["${url}"]
  subscriptions-sync-interval = "1s"
  kapacitor-hostname = ""
  http-port = 0
  [influxdb.excluded-subscriptions]
    _kapacitor = ["autogen"]`;
}

/** Two ports as far apart as `init` puts Kapacitor from the gateway. */
async function findPortPair(): Promise<number> {
  for (;;) {
    const port = await findFreePort();
    if (port + 100 < 65_536 && !(await isTaken(port + 100))) return port;
  }
}

function standInService(conf: string) {
  const ended: RecordedRequest[] = [];
  let running: Awaited<ReturnType<typeof startSubscribingStandIn>> | undefined;
  return {
    start: async () => {
      running = await startSubscribingStandIn(conf);
    },
    stop: async () => {
      await running?.stop();
      ended.push(...(running?.requests ?? []));
      running = undefined;
    },
    requests: () => [...ended, ...(running?.requests ?? [])],
  };
}

function realService(binaries: KapacitorBinaries, conf: string, dir: string, sink: string) {
  let running: Awaited<ReturnType<typeof startKapacitor>> | undefined;
  let hasTask = false;
  return {
    start: async () => {
      running = await startKapacitor(binaries, { dir, port: await portIn(conf), configFile: conf });
      if (!hasTask) await defineTask(running.url, sink);
      hasTask = true;
    },
    stop: async () => {
      await running?.stop();
      running = undefined;
    },
    requests: (): readonly RecordedRequest[] => [],
  };
}

/** Where Kapacitor listens, by its kapacitor.conf. */
async function portIn(file: string): Promise<number> {
  const read = readConf(await readFile(file, 'utf8'));
  if ('refused' in read) throw new Error(read.refused);
  return Number(/:(\d+)$/.exec(read.conf.bindAddress)?.[1]);
}

/** Every point to the sink, one by one. */
async function defineTask(url: string, sink: string): Promise<void> {
  const script = `stream|from().measurement('retrofit')|httpPost('${sink}')`;
  const dbrps = [{ db: 'telegraf', rp: 'autogen' }];
  const { status, text } = await call(Number(new URL(url).port), 'POST', '/kapacitor/v1/tasks', {
    body: { id: 'all', type: 'stream', dbrps, script, status: 'enabled' },
  });
  if (status !== 200) throw new Error(text);
}

async function untilSubscribed(influx: InfluxdProcess): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!JSON.stringify(await influx.query('SHOW SUBSCRIPTIONS')).includes('"telegraf"')) {
    if (Date.now() > deadline) throw new Error('no subscription within a minute');
    await sleep(100);
  }
}

async function reload(gateway: GatewayProcess | undefined): Promise<void> {
  if (gateway === undefined) throw new Error('there is no gateway');
  const told = (): number => gateway.log.split('reloaded').length;
  const before = told();
  process.kill(gateway.pid, 'SIGHUP');
  const deadline = Date.now() + 60_000;
  while (told() === before) {
    if (Date.now() > deadline) throw new Error(`no reload: ${gateway.log}`);
    await sleep(20);
  }
}

/** The words of a line as a shell reads them. */
function wordsOf(line: string): readonly string[] {
  return execFileSync('sh', ['-c', `printf '%s\\0' ${line}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1);
}

/** Commands that ask the person at the terminal. */
function isAsking(words: readonly string[]): boolean {
  const [group, command] = words;
  return command === 'add' && (group === 'users' || words.includes('--influxdb'));
}

/** In a session without a terminal, where curl takes a password from standard input. */
function runProgram(program: string, words: readonly string[], input = ''): Promise<CommandResult> {
  const child = spawn(program, words, {
    env: { PATH: process.env['PATH'], CURL_HOME: '/nonexistent', NO_PROXY: '*' },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${input}\n`);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      resolve({ code, stdout, stderr });
    });
  });
}
