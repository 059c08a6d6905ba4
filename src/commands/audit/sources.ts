import { readdirSync, statSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Loaded } from '../../config/load.ts';
import { CommandError } from '../terminal.ts';
import { readEvent } from './event.ts';
import { cannotRead, readLines } from './lines.ts';

/** For a file: standard input. */
export const STDIN = '-';

/** What logrotate puts behind a name: `.1`, `.2.gz`, `-20260131.gz`. */
const ROTATED = /^(?:[.-]\d+)+(?:\.gz)?$/;

/** The audit log that the configuration names, those that were rotated away first. @throws CommandError where there is none */
export function configuredSources({ config, file: configFile }: Loaded): readonly string[] {
  const { file } = config.audit;
  if (file === '') {
    throw new CommandError(
      `there is no audit log: [audit] file is "" in ${configFile ?? 'the defaults'}. ` +
        'Set it, like file = "/var/log/kapgate/audit.log", and restart the gateway; or name a file: kapgate audit FILE',
    );
  }
  if (file === STDIN) {
    throw new CommandError(
      'the audit log is standard output of the gateway: journalctl -u kapgate -o cat | kapgate audit -',
    );
  }
  return [...rotatedFrom(file), file];
}

function rotatedFrom(file: string): readonly string[] {
  const [directory, name] = [dirname(file), basename(file)];
  return namesIn(directory)
    .filter((each) => each.startsWith(name) && ROTATED.test(each.slice(name.length)))
    .map((each) => join(directory, each));
}

/** Where it cannot be listed, the log itself may be readable, or its own refusal says why not. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

/**
 * Files in the order of their first lines, whatever their names; without those that were last written before a moment.
 * @throws CommandError where one cannot be read
 */
export async function inOrder(
  files: readonly string[],
  sinceMs: number,
): Promise<readonly string[]> {
  const begun: { readonly file: string; readonly firstMs: number }[] = [];
  for (const file of new Set(files)) {
    if (file !== STDIN && writtenMs(file) < sinceMs) continue;
    begun.push({ file, firstMs: file === STDIN ? Infinity : await firstMs(file) });
  }
  return begun.toSorted((a, b) => Math.sign(a.firstMs - b.firstMs)).map(({ file }) => file);
}

function writtenMs(file: string): number {
  try {
    return statSync(file).mtimeMs;
  } catch (cause) {
    throw cannotRead(file, cause);
  }
}

/** Infinity where nothing is in it yet. */
async function firstMs(file: string): Promise<number> {
  for await (const { lines } of readLines(file)) {
    for (const line of lines) {
      const reading = readEvent(line);
      if (reading.kind === 'event') return reading.event.fromMs;
    }
  }
  return Infinity;
}
