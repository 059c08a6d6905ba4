import { Readable } from 'node:stream';
import { runCommandLine } from '../../src/commands/cli/command-line.ts';
import { intoText } from '../support/streams.ts';
import type { CommandOptions, CommandResult } from '../support/gateway-process.ts';

/** Runs one command in this process, with a terminal of its own: many at the price of one process. */
export async function runHere(
  args: readonly string[],
  { input = '', env = {} }: Omit<CommandOptions, 'cwd' | 'timeoutMs'> = {},
): Promise<CommandResult & { readonly code: number }> {
  let [stdout, stderr] = ['', ''];
  const code = await runCommandLine(
    args,
    {
      stdin: Readable.from([Buffer.from(input)]),
      env,
      process: {},
      isInteractive: false,
      out: (text) => {
        stdout += text;
      },
      err: (text) => {
        stderr += text;
      },
      stdout: intoText((text) => (stdout += text)),
      stderr: intoText((text) => (stderr += text)),
      onExit: () => undefined,
      // Whatever would go on until it is told to stop is told at once.
      onStop: (listener) => {
        setImmediate(listener, 'SIGTERM');
      },
      onReload: () => undefined,
      onReopen: () => undefined,
      program: '/nonexistent/kapgate',
      paint: (_, text) => text,
    },
    '0.0.0',
  );
  return { code, stdout, stderr };
}
