// @ts-check
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const canPin = commandExists('taskset');

/**
 * Starts a program on one core, or wherever there is room, and waits until its port answers.
 * @param {number | 'any'} core @param {string[]} command @param {number} port @param {Record<string, string>} env
 */
export async function start(core, command, port, env = {}) {
  const child = begin(core, command, env);
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await accepts(port)) return child;
    await sleep(25);
  }
  child.kill();
  throw new Error(`${command.join(' ')} does not listen on port ${port}`);
}

/** Starts a program on one core, or wherever there is room; what it says is heard only where it fails. @param {number | 'any'} core @param {string[]} command @param {Record<string, string>} env */
export function begin(core, command, env = {}) {
  const [program = '', ...args] = pinned(core, command);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let said = '';
  child.stderr.on('data', (chunk) => (said = `${said}${chunk}`.slice(-MAX_SAID)));
  child.once('close', (code) => {
    if (code !== 0 && code !== null) process.stderr.write(said);
  });
  return child;
}

const MAX_SAID = 4096;
const STOP_MS = 2_000;

/** Ends it, and waits for that; not at once by force: what nginx has started would stay. @param {import('node:child_process').ChildProcess} child */
export async function end(child) {
  const hasEnded = new Promise((resolve) => child.once('exit', resolve));
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await hasEnded;
  clearTimeout(timer);
}

/**
 * What load.js counted: answers as they should be and others, bytes received, and the times of answers in milliseconds.
 * @typedef {{ answers: number, fromUpstream: number, failures: number, received: number, p50: number, p99: number }} Load
 */

/**
 * Runs the load generator.
 * @param {number} core @param {string[]} args port, connections, milliseconds, the request (base64, or @file), and how
 * @returns {Promise<Load>}
 */
export function load(core, args) {
  const [program = '', ...rest] = pinned(core, [process.execPath, 'bench/load.js', ...args]);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => {
      try {
        resolve(JSON.parse(output));
      } catch {
        reject(new Error(`bench/load.js said ${JSON.stringify(output)}`));
      }
    });
  });
}

/** Seconds of processor time that a process has used: user and system, all threads. @param {number} pid */
export function cpuSeconds(pid) {
  return readStat(`/proc/${pid}/stat`).cpuSeconds;
}

/** The same with the processes that it started. @param {number} pid */
export function familyCpuSeconds(pid) {
  return sum(familyOf(pid).map(cpuSeconds));
}

/** The same for each thread that it has, with its priority. @param {number} pid */
export function threads(pid) {
  return readdirSync(`/proc/${pid}/task`).map((id) => ({
    isMain: Number(id) === pid,
    ...readStat(`/proc/${pid}/task/${id}/stat`),
  }));
}

/** @param {string} file */
function readStat(file) {
  const fields = readFileSync(file, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return {
    cpuSeconds: (Number(fields[11]) + Number(fields[12])) / 100,
    niceness: Number(fields[16]),
  };
}

/** The most memory that a process and its children had, in MiB, since forgetPeakMemory or their start. @param {number} pid */
export function peakMemory(pid) {
  return memory(pid, 'VmHWM');
}

/** What they have now, in MiB. @param {number} pid */
export function residentMemory(pid) {
  return memory(pid, 'VmRSS');
}

/** @param {number} pid */
export function forgetPeakMemory(pid) {
  for (const each of familyOf(pid)) writeFileSync(`/proc/${each}/clear_refs`, '5');
}

/** @param {number} pid @param {'VmHWM' | 'VmRSS'} field */
function memory(pid, field) {
  const kib = familyOf(pid).map((each) => {
    const status = readFileSync(`/proc/${each}/status`, 'utf8');
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(status)?.[1]);
  });
  return sum(kib) / 1024;
}

/** A process and those that it started, and so on. @param {number} pid @returns {number[]} */
function familyOf(pid) {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) => childrenOf(pid, thread));
  return [pid, ...children.flatMap(familyOf)];
}

/** @param {number} pid @param {string} thread */
function childrenOf(pid, thread) {
  try {
    const listed = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').trim();
    return listed === '' ? [] : listed.split(' ').map(Number);
  } catch {
    // The thread has ended since it was listed.
    return [];
  }
}

/** @param {number[]} values */
function sum(values) {
  return values.reduce((total, each) => total + each, 0);
}

/** @returns {Promise<number>} */
export function freePort() {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
      server.close(() => resolve(port));
    });
  });
}

/** @param {number | 'any'} core @param {string[]} command */
function pinned(core, command) {
  return canPin && core !== 'any' ? ['taskset', '-c', String(core), ...command] : command;
}

/** Whether somebody takes connections there. @param {number} port @returns {Promise<boolean>} */
export function accepts(port) {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Whether there is such a program. @param {string} name */
export function commandExists(name) {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
