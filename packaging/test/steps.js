// @ts-check
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';

const started = Date.now();

/**
 * One thing that is tried, with a line before and behind it. The first that fails ends the run.
 * @template T @param {string} name @param {() => Promise<T> | T} act @returns {Promise<T>}
 */
export async function step(name, act) {
  const since = Date.now();
  try {
    const result = await act();
    say(`ok      ${name} (${seconds(since)})`);
    return result;
  } catch (error) {
    say(`failed  ${name} (${seconds(since)})`);
    throw error;
  }
}

/** @param {string} what */
export function skipped(what) {
  say(`skipped: ${what}`);
}

/** @param {string} line */
function say(line) {
  console.log(`${String(Math.round((Date.now() - started) / 1000)).padStart(4)} s  ${line}`);
}

/** @param {number} since */
function seconds(since) {
  return `${((Date.now() - since) / 1000).toFixed(1)} s`;
}

/** @typedef {{ code: number, stdout: string, stderr: string }} Result */

/**
 * Runs a program to its end. @throws where it ends with another code than 0, unless that is asked for
 * @param {readonly string[]} command
 * @param {{ input?: string, env?: NodeJS.ProcessEnv, cwd?: string, code?: number | 'any' }} [options]
 * @returns {Promise<Result>}
 */
export async function run([program = '', ...args], { input, env, cwd, code = 0 } = {}) {
  const options = {
    env: env ?? process.env,
    maxBuffer: 64 * 1024 * 1024,
    ...(cwd === undefined ? {} : { cwd }),
  };
  const running = promisify(execFile)(program, args, options);
  running.child.stdin?.on('error', () => undefined);
  running.child.stdin?.end(input ?? '');
  const result = await running.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error) => {
      if (typeof error.code !== 'number') throw error;
      return { code: error.code, stdout: String(error.stdout), stderr: String(error.stderr) };
    },
  );
  if (code !== 'any' && result.code !== code) {
    const said = `${result.stdout}${result.stderr}`.slice(-4000);
    throw new Error(`${program} ${args.join(' ')} ended with ${result.code}, not ${code}: ${said}`);
  }
  return result;
}

/** @typedef {{ readonly log: () => string, readonly pid: number, readonly end: () => Promise<void> }} Running */

/** Starts a program that goes on until it is ended. @param {readonly string[]} command @returns {Running} */
export function start([program = '', ...args]) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (log += text));
  }
  const ended = once(child, 'close');
  return {
    log: () => log,
    pid: child.pid ?? 0,
    end: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
      await ended;
      clearTimeout(timer);
    },
  };
}
