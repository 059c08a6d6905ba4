// @ts-check
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

const canPin = commandExists('taskset');

/**
 * Starts a program on one core, or wherever there is room, and waits until its port answers.
 * @param {number | 'any'} core @param {string[]} command @param {number} port @param {Record<string, string>} env
 */
export async function start(core, command, port, env = {}) {
  const [program = '', ...args] = pinned(core, command);
  const child = spawn(program, args, {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...process.env, ...env },
  });
  for (let attempt = 0; attempt < 200; attempt++) {
    if (await accepts(port)) return child;
    await sleep(25);
  }
  child.kill();
  throw new Error(`${command.join(' ')} does not listen on port ${port}`);
}

/** Runs the load generator. @param {number} core @param {string[]} args @returns {Promise<{answers: number, failures: number}>} */
export function load(core, args) {
  const [program = '', ...rest] = pinned(core, [process.execPath, 'bench/load.js', ...args]);
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve(JSON.parse(output)));
  });
}

/** Seconds of processor time that a process has used: user and system, all threads. @param {number} pid */
export function cpuSeconds(pid) {
  return readStat(`/proc/${pid}/stat`).cpuSeconds;
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

/** The most memory that a process ever had, in MiB. @param {number} pid */
export function peakMemory(pid) {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return Number(line?.[1]) / 1024;
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

/** @param {string} name */
function commandExists(name) {
  try {
    execFileSync('which', [name], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
