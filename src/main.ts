#!/usr/bin/env node
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { styleText } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import type { Channel } from './cluster/channel.ts';
import { runCommandLine } from './commands/cli/command-line.ts';
import type { Terminal } from './commands/terminal.ts';

// The only file that touches `process`.

// Each piece of a body that Node reads is memory beside V8's heap, and each 64 MiB of it make V8 look at all of that:
// by four threads, which find little and take a third of the processor time of a large write (npm run bench). At the
// very start: V8 does not expect it to change under a collection.
setFlagsFromString('--no-concurrent-marking');

// Left alone, V8 lets garbage grow to several times what lives before it looks at all of the heap: 204 MiB at 256
// busy connections, of which 22 live. Collected earlier, it is below 150 MiB, for some 3 % of the speed (npm run bench).
// Not while all is loaded: that would take a tenth longer.
setTimeout(setFlagsFromString, 1_000, '--heap-growing-percent=60').unref();

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };

let stops = 0;
const stopListeners: ((reason: string) => void)[] = [];

function stop(reason: string): void {
  // Who asks twice will not wait for idle connections.
  if (++stops > 1) process.exit(1);
  for (const listener of stopListeners) listener(reason);
}

const terminal: Terminal = {
  stdin: process.stdin,
  env: process.env,
  process,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  out: (text) => void process.stdout.write(text),
  // hasColors knows of NO_COLOR and of TERM=dumb.
  paint: (colour, text) =>
    process.stdout.isTTY && process.stdout.hasColors() ? styleText(colour, text) : text,
  err: (text) => void process.stderr.write(text),
  drained: async () => {
    if (process.stdout.writableNeedDrain) await once(process.stdout, 'drain');
  },
  onStop: (listener) => {
    if (stopListeners.length === 0) {
      process.on('SIGTERM', stop).on('SIGINT', stop);
    }
    stopListeners.push(listener);
  },
  onReload: (listener) => {
    process.on('SIGHUP', listener);
  },
  // Without a listener Node would open its debugger to every user of the host.
  onReopen: (listener) => {
    process.on('SIGUSR1', listener);
  },
  stdout: process.stdout,
  stderr: process.stderr,
  onExit: (listener) => {
    process.on('exit', listener);
  },
  program: import.meta.filename,
  fork: (args) => fork(import.meta.filename, args, { stdio: ['ignore', 'pipe', 'pipe', 'ipc'] }),
  ...(process.send === undefined ? {} : { channel: channelOf(process) }),
};

function channelOf(child: NodeJS.Process): Channel {
  return {
    // Where the other end is gone, it is told once, to `onGone`.
    send: (message) => void child.send?.(message, undefined, undefined, () => undefined),
    onMessage: (listener) => void child.on('message', listener),
    onGone: (listener) => void child.once('disconnect', listener),
    close: () => {
      if (child.connected) child.disconnect();
    },
  };
}

process.stdout.on('error', ({ code, message }: NodeJS.ErrnoException) => {
  if (code !== 'EPIPE') {
    terminal.err(`kapgate: cannot write to standard output: ${message}\n`);
    process.exit(1);
  }
  // `kapgate users list | head` is no failure; what runs until it is told to stop has now been told.
  if (stopListeners.length === 0) process.exit(0);
  if (stops === 0) stop('SIGPIPE');
});

// There is nobody left to tell: a reader of the log that goes away must not end the gateway.
process.stderr.on('error', () => undefined);

process.exitCode = await runCommandLine(process.argv.slice(2), terminal, version);

const UNREAD_MS = 5_000;

// What is left is standard error that nobody reads: that must not keep the process from ending. A reader of standard
// output has all the time of the world.
let left = process.stderr.writableLength;
setInterval(() => {
  const still = process.stderr.writableLength;
  if (still > 0 && still === left && process.stdout.writableLength === 0) process.exit();
  left = still;
}, UNREAD_MS).unref();
