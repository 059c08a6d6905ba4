import { spawnSync } from 'node:child_process';
import { readlinkSync, statSync } from 'node:fs';
import { ownerBarred } from '../users/owner.ts';
import type { Context } from './context.ts';

/** Commands that open the store of users; the doctor must stay root. */
const ON_THE_STORE = ['check', 'explain', 'learn', 'subscriptions', 'token', 'users'];

/** Files that only root reads (secrets, passwords) are still read; written is nothing that the owner may not write. */
const STILL_MAY = 'dac_read_search';
const NOT_STARTED = 127;

/** Runs a program to its end on this terminal. @returns its exit code; undefined where it did not come to one */
export type RunHere = (
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
) => number | undefined;

/**
 * Debian's builds of Node let no program change its user (they cannot tell whether libuv uses io_uring). There root runs
 * a command on the store once more from its beginning, as the store's owner, by setpriv(1).
 * @param args those of the command line
 * @returns its exit code; undefined where the command is to go on here
 */
export async function runAsOwner(
  context: Context,
  args: readonly string[],
  word: string | undefined,
  run: RunHere = runHere,
): Promise<number | undefined> {
  const { process: operations, env, program } = context.terminal;
  if (word === undefined || !ON_THE_STORE.includes(word)) return undefined;
  if (!ownerBarred(operations)) return undefined;
  const owner = await ownerOfStore(context);
  if (owner === undefined || owner.uid === 0) return undefined;
  const privileges = ['inh-caps', 'ambient-caps', 'bounding-set'];
  const code = run(
    'setpriv',
    [
      ...[`--reuid=${owner.uid}`, `--regid=${owner.gid}`, '--clear-groups', '--no-new-privs'],
      ...privileges.map((each) => `--${each}=-all,+${STILL_MAY}`),
      ...['--', readlinkSync('/proc/self/exe'), program, ...args],
    ],
    // Who asked for it is still root, or whoever is behind sudo.
    { ...env, SUDO_USER: env['SUDO_USER'] ?? 'root' },
  );
  return code === NOT_STARTED ? undefined : code;
}

async function ownerOfStore(
  context: Context,
): Promise<{ readonly uid: number; readonly gid: number } | undefined> {
  try {
    // Not for a --help: it brings the configuration and the store along.
    const { loadSilently } = await import('./context.ts');
    return statSync(loadSilently(context).config.store.path);
  } catch {
    // The command itself says what is wrong.
    return undefined;
  }
}

function runHere(...[program, args, env]: Parameters<RunHere>): number | undefined {
  return spawnSync(program, args, { stdio: 'inherit', env }).status ?? undefined;
}
