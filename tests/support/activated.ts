import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { eventually } from './eventually.ts';
import { MAIN } from './gateway-process.ts';

const ACTIVATOR = fileURLToPath(new URL('activator.py', import.meta.url));

/** True where Python is on PATH; else one line says what is left out. */
export function findPython(what: string): boolean {
  const isFound = spawnSync('python3', ['--version']).status === 0;
  if (!isFound) process.stderr.write(`skipped: no python3 on PATH (${what})\n`);
  return isFound;
}

/** A gateway on sockets that somebody else opened and keeps. */
export interface Activated {
  /** Of the first TCP socket. */
  readonly port: number;
  readonly log: () => string;
  /** SIGTERM, and the next process once that has ended. @returns `restarted CODE` */
  restart(): Promise<string>;
  stop(): Promise<number | null>;
}

/** @param places "tcp", or the path of a Unix socket; @param file the configuration */
export async function startActivated(
  places: readonly string[],
  file: string,
  cwd: string,
): Promise<Activated> {
  const program = [process.execPath, MAIN, 'serve', '--config', file];
  const child: ChildProcessWithoutNullStreams = spawn(
    'python3',
    [ACTIVATOR, JSON.stringify(places), ...program],
    { cwd },
  );
  let log = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  await eventually('the sockets are open', () => lines.length > 0, 30_000);
  return {
    port: Number(lines.shift()),
    log: () => log,
    restart: async () => {
      child.stdin.write('restart\n');
      await eventually('it is restarted', () => lines.length > 0, 60_000);
      return lines.shift() ?? '';
    },
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
