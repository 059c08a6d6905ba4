#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { runCommandLine } from './commands/command-line.ts';
import type { Terminal } from './commands/terminal.ts';

// The only file that touches `process`.

const { version } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
) as { version: string };

let stops = 0;

const terminal: Terminal = {
  stdin: process.stdin,
  env: process.env,
  cwd: process.cwd(),
  process,
  isInteractive: process.stdin.isTTY && process.stderr.isTTY,
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  onStop: (listener) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        // Who asks twice will not wait for idle connections.
        if (++stops > 1) process.exit(1);
        listener(signal);
      });
    }
  },
};

// `kapgate users list | head` is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await runCommandLine(process.argv.slice(2), terminal, version);
