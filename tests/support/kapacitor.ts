import { spawn, spawnSync } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from './free-port.ts';
import { createTempDir } from './temp-dir.ts';

const START_MS = 60_000;

/** The binaries to test with: `KAPACITORD` and `KAPACITOR`, else those on PATH. */
export interface KapacitorBinaries {
  readonly daemon: string;
  readonly cli: string | undefined;
  /** As the daemon prints it: `1.5.9`. */
  readonly version: string;
}

/** Finds a kapacitord; where there is none, one line says what is left out. */
export function findKapacitor(what: string): KapacitorBinaries | undefined {
  const daemon = process.env['KAPACITORD'] ?? 'kapacitord';
  const version = versionOf(daemon);
  if (version === undefined) {
    process.stderr.write(`skipped: no kapacitord (${what})\n`);
    return undefined;
  }
  const cli = process.env['KAPACITOR'] ?? 'kapacitor';
  return { daemon, cli: versionOf(cli) === undefined ? undefined : cli, version };
}

export interface Kapacitor {
  readonly port: number;
  readonly url: string;
  readonly pid: number;
  /** Its own log. */
  readonly log: string;
  /** Ends it, and removes all it has written. */
  stop(): Promise<void>;
}

export interface KapacitorOptions {
  /** Where its files are, which are then left there: a next one with the same is the same Kapacitor. */
  readonly dir?: string;
  readonly port?: number;
  /** The keys below `[[influxdb]]`, as TOML; by default there is none to talk to. */
  readonly influxdb?: string;
  /** A configuration that is there already, and is taken as it is: `port` is the one that it says. */
  readonly configFile?: string;
}

const NO_INFLUXDB = `  enabled = false
  urls = ["http://127.0.0.1:1"]
  disable-subscriptions = true`;

/** Starts a kapacitord of its own: a free loopback port, no reporting, all files in a temporary directory. */
export async function startKapacitor(
  { daemon }: KapacitorBinaries,
  options: KapacitorOptions = {},
): Promise<Kapacitor> {
  const own = options.dir === undefined ? await createTempDir() : undefined;
  const dir = { path: options.dir ?? own?.path ?? '', remove: async () => own?.remove() };
  const port = options.port ?? (await findFreePort());
  const config = options.configFile ?? join(dir.path, 'kapacitor.conf');
  if (options.configFile === undefined) {
    await writeFile(config, kapacitorConf(dir.path, port, options.influxdb ?? NO_INFLUXDB));
  }
  const child = spawn(daemon, ['-config', config], {
    cwd: dir.path,
    env: { PATH: process.env['PATH'], HOME: dir.path },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      log += text;
    });
  }
  const exited = new Promise<void>((resolve) => {
    child.once('error', (error) => {
      log += error.message;
      resolve();
    });
    child.once('close', () => {
      resolve();
    });
  });
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exited;
    clearTimeout(timer);
    await dir.remove();
  };
  const url = `http://127.0.0.1:${port}`;
  const deadline = Date.now() + START_MS;
  while (!(await answersPing(url))) {
    if (Date.now() > deadline || child.exitCode !== null) {
      await stop();
      throw new Error(`kapacitord does not answer: ${log}`);
    }
    await sleep(50);
  }
  return {
    ...{ port, url, stop },
    pid: child.pid ?? 0,
    get log() {
      return log;
    },
  };
}

/** A kapacitor.conf whose files are all in one directory. @param influxdb the keys below `[[influxdb]]` */
export function kapacitorConf(dir: string, port: number, influxdb: string): string {
  const at = (name: string): string => JSON.stringify(join(dir, name));
  return `hostname = "localhost"
data_dir = ${at('data')}

[http]
  bind-address = "127.0.0.1:${port}"
  auth-enabled = false
  log-enabled = false
  https-enabled = false

[config-override]
  enabled = true

[logging]
  file = "STDERR"
  level = "INFO"

[replay]
  dir = ${at('replay')}

[storage]
  boltdb = ${at('kapacitor.db')}

[task]
  dir = ${at('tasks')}

[load]
  enabled = false

[[influxdb]]
  name = "default"
  default = true
${influxdb}

[reporting]
  enabled = false

[stats]
  enabled = true
  stats-interval = "1s"
  database = "_kapacitor"
  retention-policy = "autogen"
`;
}

/** `kapacitord version` and `kapacitor version` print "Kapacitor 1.5.9 (git: …)". */
function versionOf(binary: string): string | undefined {
  const { status, stdout } = spawnSync(binary, ['version'], { encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) return undefined;
  return /\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'unknown';
}

async function answersPing(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/kapacitor/v1/ping`).catch(() => undefined);
  return answer?.status === 204;
}
