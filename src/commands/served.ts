import { recordTexts } from '../cluster/config-texts.ts';
import type { ConfigTexts } from '../cluster/config-texts.ts';
import { passLines } from '../cluster/lines.ts';
import type { Config } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import type { Gateway, Surroundings } from '../gateway.ts';
import type { Log } from '../kernel/log.ts';
import { loadSilently, readFromDisk } from './context.ts';
import type { Context } from './context.ts';
import { CommandError } from './terminal.ts';

/** A configuration, and what it was read from. */
export interface Read extends Loaded {
  readonly texts: ConfigTexts;
}

/** @throws ConfigError */
export function readAll(context: Context): Read {
  const { readFile, texts } = recordTexts(readFromDisk);
  return { ...loadSilently(context, readFile), texts: texts() };
}

/** What `serve` runs: a gateway in this process, or one of several. */
export interface Served extends Pick<Gateway, 'start' | 'noteReload' | 'reopenFiles' | 'stop'> {
  /** As Gateway's, in all of its processes or in none. */
  reload(read: Read): Promise<void>;
  /** Rejects where it cannot go on. */
  readonly lost: Promise<never>;
}

/** Loads only what it is: the process that keeps the doors of others is small. @throws where a part cannot be made */
export async function openServed(context: Context, read: Read, log: Log): Promise<Served> {
  const { config } = read;
  const surroundings = { log, now: Date.now, version: context.version ?? '' };
  if (config.http.workers === 1) return inThisProcess(config, surroundings);
  const { fork, stdout, stderr } = context.terminal;
  if (fork === undefined) throw new CommandError('workers cannot be started here');
  const { configFile } = context;
  const file = configFile === undefined ? [] : ['--config', configFile];
  const { Primary } = await import('../cluster/primary.ts');
  const primary = new Primary(config, {
    ...surroundings,
    texts: read.texts,
    fork: () => {
      const child = fork([...file, 'worker']);
      if (child.stdout !== null) passLines(child.stdout, stdout);
      if (child.stderr !== null) passLines(child.stderr, stderr);
      return child;
    },
  });
  return {
    start: (inherited) => primary.start(inherited),
    reload: (next) => primary.reload(next.config, next.texts),
    noteReload: (state) => {
      primary.noteReload(state);
    },
    reopenFiles: () => {
      primary.reopenFiles();
    },
    stop: () => primary.stop(),
    lost: primary.lost,
  };
}

async function inThisProcess(config: Config, surroundings: Surroundings): Promise<Served> {
  const { createGateway } = await import('../gateway.ts');
  const gateway = await createGateway(config, surroundings);
  return {
    ...gateway,
    reload: (next) => gateway.reload(next.config),
    lost: new Promise(() => undefined),
  };
}
