import { readFileSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import { ConfigError, loadConfig } from '../config/load.ts';
import type { Loaded } from '../config/load.ts';
import type { ReadFile } from '../config/read-text.ts';
import { messageOf } from '../kernel/errors.ts';
import { exposureOf } from '../kernel/exposure.ts';
import { takeOwner } from '../users/owner.ts';
import { openUserStore } from '../users/store.ts';
import type { UserStore } from '../users/store.ts';
import { CommandError } from './terminal.ts';
import type { Terminal } from './terminal.ts';

/** What every command starts from. */
export interface Context {
  readonly terminal: Terminal;
  /** Of this program. */
  readonly version?: string;
  /** The file of --config. */
  readonly configFile: string | undefined;
}

/** The configuration, its warnings told on standard error. @throws ConfigError */
export function loadForCommand(context: Context): Loaded {
  const loaded = loadSilently(context);
  for (const warning of loaded.warnings) context.terminal.err(`kapgate: ${warning}\n`);
  return loaded;
}

/** The configuration; its warnings are for the caller to tell. @throws ConfigError */
export function loadSilently(
  { terminal, configFile }: Context,
  readFile: ReadFile = readFromDisk,
): Loaded {
  return loadConfig({
    file: configFile,
    env: terminal.env,
    readFile,
    exposureOf,
    ownHosts: ownHosts(),
  });
}

/** As the configuration reads its files, and those that it names for secrets. */
export const readFromDisk: ReadFile = (path) => readFileSync(path, 'utf8');

/** Opens the user store of a configuration, as the owner of its directory. @throws CommandError */
export function openStoreFor({ terminal }: Context, { config }: Loaded): UserStore {
  try {
    takeOwner(config.store.path, terminal.process);
    return openUserStore({ path: config.store.path, minimumCost: config.auth.bcryptCost });
  } catch (cause) {
    throw new CommandError(messageOf(cause), 1, { cause });
  }
}

/** A failed command's words for standard error, a line each. */
export function explainFailure(thrown: unknown): string {
  if (thrown instanceof ConfigError) {
    return thrown.problems.map((problem) => `kapgate: ${problem}\n`).join('');
  }
  return `kapgate: ${messageOf(thrown)}\n`;
}

function ownHosts(): string[] {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return ['localhost', hostname(), ...addresses.map(({ address }) => address)];
}
