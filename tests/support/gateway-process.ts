import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { findFreePort } from './free-port.ts';

/** The built program. */
export const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const START_MS = 60_000;
const END_MS = 60_000;

export interface CommandResult {
  /** The exit code; null where a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** What it reads from standard input. */
  readonly input?: string;
  /** Over the environment of the tests, from which everything that configures a gateway is taken away. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly timeoutMs?: number;
}

/** Runs one command of the built `kapgate` to its end. */
export async function runKapgate(
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = start(args, options);
  const output = gather(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? END_MS);
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  const code = await exitOf(child);
  clearTimeout(timer);
  return { code, stdout: output.stdout, stderr: output.stderr };
}

export interface GatewayProcess {
  readonly port: number;
  readonly pid: number;
  /** The configuration it was started with: for commands on the same store. */
  readonly configFile: string;
  /** All that it has written to standard error so far. */
  readonly log: string;
  /** The same of standard output. */
  readonly output: string;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number | null>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Resolves with the exit code when it ends by itself. */
  readonly exited: Promise<number | null>;
}

export interface GatewayOptions {
  /** Where its store and its configuration are put: a temporary directory of the test's own. */
  readonly dir: string;
  readonly upstream: string;
  /** By default a free one. */
  readonly port?: number;
  /** Sections and keys over the ones written here, as TOML: `{ http: { 'shared-secret': '"…"' } }`. */
  readonly settings?: Settings;
  readonly env?: Readonly<Record<string, string>>;
}

type Settings = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Writes the configuration of a gateway for tests, and returns its file: cheap hashes, no admin listener. */
export async function writeConfig(options: GatewayOptions & { port: number }): Promise<string> {
  const own: Settings = {
    http: { 'bind-address': `"127.0.0.1:${options.port}"` },
    auth: { 'bcrypt-cost': '4' },
    upstream: { url: `"${options.upstream}"` },
    store: { path: JSON.stringify(join(options.dir, 'store')) },
    // Tests fail logins by the dozen; those about the limit set it.
    limits: { 'login-failures': '"0 per 1m"' },
    admin: { 'bind-address': '""' },
  };
  const given = options.settings ?? {};
  const sections = [...new Set([...Object.keys(own), ...Object.keys(given)])].map((section) => {
    const keys = Object.entries({ ...own[section], ...given[section] });
    return `[${section}]\n${keys.map(([key, value]) => `${key} = ${value}\n`).join('')}`;
  });
  await mkdir(options.dir, { recursive: true });
  const file = join(options.dir, 'gateway.toml');
  await writeFile(file, sections.join('\n'));
  return file;
}

/** Starts the built gateway and waits until it takes connections. */
export async function startGateway(options: GatewayOptions): Promise<GatewayProcess> {
  const port = options.port ?? (await findFreePort());
  const configFile = await writeConfig({ ...options, port });
  const args = ['serve', '--config', configFile];
  return startByArguments(args, port, { ...options, configFile, cwd: options.dir });
}

/** Starts it as the test says, and waits until it takes connections on that port of 127.0.0.1. */
export async function startByArguments(
  args: readonly string[],
  port: number,
  options: CommandOptions & { readonly configFile: string },
): Promise<GatewayProcess> {
  const { configFile } = options;
  const child = start(args, options);
  const output = gather(child);
  const exited = exitOf(child);
  await waitUntilListening(port, exited, () => output.stderr).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const end = async (signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> => {
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS);
    const code = await exited;
    clearTimeout(timer);
    return code;
  };
  return {
    port,
    pid: child.pid ?? 0,
    configFile,
    get log() {
      return output.stderr;
    },
    get output() {
      return output.stdout;
    },
    exited,
    stop: () => end('SIGTERM'),
    kill: async () => {
      await end('SIGKILL');
    },
  };
}

/** Makes a user by `users add`, the gateway running or not. */
export async function addUser(
  configFile: string,
  user: {
    readonly name: string;
    readonly password: string;
    readonly admin?: boolean;
    readonly permissions?: readonly string[];
  },
): Promise<void> {
  const kind = user.admin === true ? ['--admin'] : [];
  const permissions = (user.permissions ?? []).flatMap((each) => ['--permission', each]);
  const args = ['--config', configFile, 'users', 'add', user.name, ...kind, ...permissions];
  const result = await runKapgate([...args, '--password-stdin'], { input: `${user.password}\n` });
  if (result.code !== 0) {
    throw new Error(`users add ${user.name} ended with ${result.code}: ${result.stderr}`);
  }
}

function start(args: readonly string[], options: CommandOptions): ChildProcess {
  if (!existsSync(MAIN)) throw new Error('dist/main.js is not there: npm run build makes it');
  return spawn(process.execPath, [MAIN, ...args], {
    cwd: options.cwd,
    env: { ...cleanEnvironment(), ...options.env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

function cleanEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env);
  const own = /^(?:KAPGATE_|KAPACITOR|CREDENTIALS_DIRECTORY$|NODE_OPTIONS$)/;
  return Object.fromEntries(entries.filter(([name]) => !own.test(name)));
}

function gather(child: ChildProcess): { stdout: string; stderr: string } {
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      output[name] += text;
    });
  }
  return output;
}

function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
}

async function waitUntilListening(
  port: number,
  exited: Promise<number | null>,
  log: () => string,
): Promise<void> {
  let ended: { readonly code: number | null } | undefined;
  void exited.then((code) => {
    ended = { code };
  });
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    if (ended !== undefined) throw new Error(`kapgate ended with ${ended.code}: ${log()}`);
    if (await isTaken(port)) return;
    await sleep(25);
  }
  throw new Error(`kapgate does not listen after ${START_MS} ms: ${log()}`);
}

/** True where somebody takes connections on the port. */
export function isTaken(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('connect', () => {
      end(true);
    });
    socket.once('error', () => {
      end(false);
    });
  });
}
