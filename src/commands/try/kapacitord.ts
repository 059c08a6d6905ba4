import { spawn } from 'node:child_process';
import { accessSync, constants, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { messageOf } from '../../kernel/errors.ts';

/** A kapacitord that runs for a trial, on a port of 127.0.0.1. */
export interface RunningKapacitord {
  readonly url: string;
  stop(): Promise<void>;
}

/** Where kapacitord is: $KAPACITORD, else on PATH; undefined: nowhere. */
export function findKapacitord(
  env: Readonly<Record<string, string | undefined>>,
): string | undefined {
  const named = env['KAPACITORD'];
  if (named !== undefined && named !== '') return isProgram(named) ? named : undefined;
  return (env['PATH'] ?? '')
    .split(delimiter)
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, 'kapacitord'))
    .find(isProgram);
}

/** Starts it with its data below a directory, without InfluxDB, and waits until it answers. */
export async function startKapacitord(
  program: string,
  directory: string,
  port: number,
): Promise<RunningKapacitord> {
  const data = join(directory, 'kapacitor');
  mkdirSync(data, { recursive: true });
  const file = join(data, 'kapacitor.conf');
  writeFileSync(file, configuration(data, port));
  const child = spawn(program, ['-config', file], { stdio: 'ignore' });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => {
      resolve(messageOf(error));
    });
    child.once('exit', (code, signal) => {
      resolve(`it ended with ${String(code ?? signal)}`);
    });
  });
  const url = `http://127.0.0.1:${port}`;
  const asking = new AbortController();
  const failure = await Promise.race([ended, answers(url, asking.signal)]);
  if (failure !== undefined) {
    asking.abort();
    child.kill('SIGKILL');
    throw new Error(`cannot start ${program}: ${failure}`);
  }
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

const PATIENCE_MS = 15_000;
const PAUSE_MS = 50;

/** Resolves with undefined once it answers, else with what is wrong. */
async function answers(url: string, signal: AbortSignal): Promise<string | undefined> {
  const end = performance.now() + PATIENCE_MS;
  while (performance.now() < end && !signal.aborted) {
    try {
      const response = await fetch(`${url}/kapacitor/v1/ping`, { signal });
      if (response.status === 204) return undefined;
    } catch {
      // It is not listening yet.
    }
    await sleep(PAUSE_MS);
  }
  return `it did not answer within ${PATIENCE_MS / 1000} seconds`;
}

function configuration(data: string, port: number): string {
  const path = (name: string): string => JSON.stringify(join(data, name));
  return `data_dir = ${path('data')}
hostname = "localhost"
skip-config-overrides = false

[http]
  bind-address = "127.0.0.1:${port}"

[replay]
  dir = ${path('replay')}

[storage]
  boltdb = ${path('kapacitor.db')}

[task]
  dir = ${path('tasks')}

[load]
  enabled = false
  dir = ${path('load')}

[logging]
  file = "STDERR"
  level = "ERROR"

[[influxdb]]
  enabled = false
  name = "default"
  default = true

[reporting]
  enabled = false

[stats]
  enabled = false
`;
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
