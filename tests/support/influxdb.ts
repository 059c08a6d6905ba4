import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { findFreePort } from './free-port.ts';
import { createTempDir } from './temp-dir.ts';

const START_MS = 60_000;
const END_MS = 20_000;

/** True where there is an influxd 1.x to test with (`INFLUXD`, else on PATH); else one line says what is left out. */
export function findInfluxd(what: string): string | undefined {
  const influxd = process.env['INFLUXD'] ?? 'influxd';
  const { status, stdout } = spawnSync(influxd, ['version'], { encoding: 'utf8', timeout: 10_000 });
  if (status === 0 && /\bv?1\.\d+/.test(stdout)) return influxd;
  process.stderr.write(`skipped: no influxd 1.x (${what})\n`);
  return undefined;
}

export interface InfluxdProcess {
  readonly url: string;
  readonly log: string;
  /** Runs InfluxQL, and gives the answer's JSON. */
  query(statement: string): Promise<unknown>;
  write(database: string, lines: string): Promise<number>;
  restart(): Promise<void>;
  /** Ends it, and removes all it has written. */
  stop(): Promise<void>;
}

/** An InfluxDB of the test's own: free loopback ports, all files in a temporary directory, nothing reported. */
export async function startInfluxd(influxd: string): Promise<InfluxdProcess> {
  const dir = await createTempDir();
  const [port, rpcPort] = [await findFreePort(), await findFreePort()];
  const config = join(dir.path, 'influxdb.conf');
  await writeFile(config, configText(dir.path, port, rpcPort));
  const url = `http://127.0.0.1:${port}`;
  let log = '';
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    const started = spawn(influxd, ['run', '-config', config], {
      cwd: dir.path,
      env: { PATH: process.env['PATH'], HOME: dir.path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    child = started;
    for (const stream of [started.stdout, started.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        log += text;
      });
    }
    const deadline = Date.now() + START_MS;
    while (!(await answersPing(url))) {
      if (Date.now() > deadline || started.exitCode !== null) {
        throw new Error(`influxd does not answer: ${log}`);
      }
      await sleep(50);
    }
  };
  const end = async (): Promise<void> => {
    const ending = child;
    if (ending === undefined || ending.exitCode !== null) return;
    const exited = new Promise((resolve) => ending.once('close', resolve));
    ending.kill('SIGTERM');
    const timer = setTimeout(() => ending.kill('SIGKILL'), END_MS);
    await exited;
    clearTimeout(timer);
  };
  await start();
  return {
    url,
    get log() {
      return log;
    },
    query: async (statement) => {
      const body = new URLSearchParams({ q: statement });
      const response = await fetch(`${url}/query`, { method: 'POST', body });
      return response.json();
    },
    write: async (database, lines) => {
      const response = await fetch(`${url}/write?db=${encodeURIComponent(database)}`, {
        method: 'POST',
        body: lines,
      });
      await response.arrayBuffer();
      return response.status;
    },
    restart: async () => {
      await end();
      await start();
    },
    stop: async () => {
      await end();
      await dir.remove();
    },
  };
}

function configText(dir: string, port: number, rpcPort: number): string {
  const at = (name: string): string => JSON.stringify(join(dir, name));
  return `reporting-disabled = true
bind-address = "127.0.0.1:${rpcPort}"

[meta]
  dir = ${at('meta')}

[data]
  dir = ${at('data')}
  wal-dir = ${at('wal')}

[http]
  bind-address = "127.0.0.1:${port}"
  log-enabled = false

[monitor]
  store-enabled = false
`;
}

async function answersPing(url: string): Promise<boolean> {
  const response = await fetch(`${url}/ping`).catch(() => undefined);
  return response?.status === 204;
}
