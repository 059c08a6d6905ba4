import { Option } from 'commander';
import type { Command } from 'commander';
import type { Context } from '../context.ts';

/** Lets a command run with what the command line said. */
export type Run = (command: (context: Context) => Promise<number> | number) => Promise<void>;

/** Commands that belong together, with the feet of their help. */
export interface CommandGroup {
  readonly add: (program: Command, run: Run) => void;
  /** Lines to be copied, by the words of the command: `users add`. Each command has at least one. */
  readonly examples: Readonly<Record<string, readonly string[]>>;
  /** What stands above the examples. */
  readonly notes?: Readonly<Record<string, string>>;
}

/** The option of commands that list something. */
export interface Listing {
  readonly json?: boolean;
}

/** Options for whoever must not show a password among the arguments. */
export function withPassword(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input')
    .addOption(
      new Option('--password-file <file>', 'read the password from a file').conflicts(
        'passwordStdin',
      ),
    );
}

/** An option that may be given more than once. */
export function repeatable(flags: string, description: string): Option {
  return new Option(flags, description).argParser(collect).default([], 'none');
}

function collect(value: string, before: readonly string[]): readonly string[] {
  return [...before, value];
}
