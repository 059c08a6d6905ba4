import type { ChildProcess } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Channel } from '../cluster/channel.ts';
import type { OwnerOperations } from '../users/owner.ts';

/** What a command may see of the process it runs in. main.ts has the only real one. */
export interface Terminal {
  readonly stdin: Readable & { setRawMode?: (isRaw: boolean) => unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For root to become the owner of the store. */
  readonly process: OwnerOperations & {
    readonly pid?: number;
    readonly hrtime?: { bigint(): bigint };
  };
  /** True where a person types: passwords are asked for, tables are aligned. */
  readonly isInteractive: boolean;
  readonly out: (text: string) => void;
  /** Colours a text for `out`; as it is where nobody would see colours, or nobody wants them (NO_COLOR). */
  readonly paint: (colour: 'red' | 'yellow' | 'green' | 'bold', text: string) => string;
  readonly err: (text: string) => void;
  /** Resolves once whoever reads `out` has caught up; absent where nobody can fall behind. */
  readonly drained?: () => Promise<void>;
  /** Calls the listener at SIGTERM and SIGINT. */
  readonly onStop: (listener: (signal: string) => void) => void;
  /** Calls the listener at SIGHUP. */
  readonly onReload: (listener: () => void) => void;
  /** Calls the listener at SIGUSR1. */
  readonly onReopen: (listener: () => void) => void;
  /** The streams behind `out` and `err`: for what has to see whether their readers keep up. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Calls the listener when the process ends, however it does; what is not done when it returns is never done. */
  readonly onExit: (listener: () => void) => void;
  /** The file of this program, for one that starts it once more as somebody else. */
  readonly program: string;
  /** Starts this program once more, as a part of this one: a channel leads there, and pipes come from it. */
  readonly fork?: (args: readonly string[]) => ChildProcess;
  /** To the program that started this one as a part of itself. */
  readonly channel?: Channel;
}

export const EXIT = { ok: 0, failed: 1, denied: 2, usage: 64 } as const;

/** A command that ends with a sentence for the operator instead of its result. */
export class CommandError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.failed, options: ErrorOptions = {}) {
    super(message, options);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
