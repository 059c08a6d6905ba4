import { warningsOf } from '../config/config.ts';
import type { Config } from '../config/config.ts';
import { needsRestart } from '../config/restart.ts';
import { WorkerError } from '../cluster/crew.ts';
import { AdminListenError } from '../observe/admin.ts';
import { messageOf } from '../kernel/errors.ts';
import { createLog } from '../kernel/log.ts';
import type { Log } from '../kernel/log.ts';
import { PlaceError } from '../listener/unix-path.ts';
import { inheritedPlaces } from './activation.ts';
import { explainFailure } from './context.ts';
import type { Context } from './context.ts';
import { openServed, readAll } from './served.ts';
import type { Read, Served } from './served.ts';
import { openServiceManager } from './service-manager.ts';
import { EXIT } from './terminal.ts';

/** Runs the gateway until it is told to stop. */
export async function serve(context: Context): Promise<number> {
  const signals = {
    reload: createSignal(context.terminal.onReload),
    reopen: createSignal(context.terminal.onReopen),
  };
  const loaded = readAll(context);
  const log = createLog(loaded.config.log, context.terminal);
  log.info('starting', { config: loaded.file ?? 'defaults' });
  for (const warning of loaded.warnings) log.warn(warning);
  try {
    await run(context, loaded, log, signals);
    log.info('stopped');
    return EXIT.ok;
  } catch (error) {
    log.error(`cannot go on: ${messageOf(error)}`);
    return EXIT.failed;
  } finally {
    await log.close();
  }
}

/**
 * Hears of a signal from the first moment on. What nobody hears has Node's own meaning: SIGHUP ends the process, as if it
 * had been told to, and SIGUSR1 opens the debugger.
 */
interface Signal {
  /** From now on calls the listener; at once, where one came before. */
  answerBy(listener: () => void): void;
}

interface Signals {
  readonly reload: Signal;
  readonly reopen: Signal;
}

function createSignal(subscribe: (listener: () => void) => void): Signal {
  let cameBefore = false;
  let answer = (): void => {
    cameBefore = true;
  };
  subscribe(() => {
    answer();
  });
  return {
    answerBy: (listener) => {
      answer = listener;
      if (cameBefore) listener();
    },
  };
}

async function run(context: Context, loaded: Read, log: Log, signals: Signals): Promise<void> {
  const { config } = loaded;
  const gateway = await openServed(context, loaded, log);
  const told = new Promise<string>((resolve) => {
    context.terminal.onStop(resolve);
  });
  const { env, process } = context.terminal;
  const { pid = 0, hrtime } = process;
  const manager = openServiceManager({
    env,
    pid,
    monotonic: () => hrtime?.bigint() ?? 0n,
    onFailure: (cause) => log.warn('systemd cannot be told how the service is', { cause }),
  });
  const reminder = createReminder(log, config);
  try {
    const doors = await gateway.start(inheritedPlaces(env, pid)).catch((error: unknown) => {
      throw SENTENCES.some((each) => error instanceof each)
        ? error
        : new Error(listenFailure(config, error), { cause: error });
    });
    for (const { kind, name } of doors) {
      const tls = kind === 'tcp' && config.http.httpsEnabled ? true : undefined;
      log.info('listening', { address: name, tls, upstream: config.upstream.url });
    }
    const listening = `listening on ${doors.map(({ name }) => name).join(', ')}`;
    manager.ready(listening);
    const reload = reloading(context, loaded, gateway, log, reminder);
    let last = Promise.resolve();
    signals.reload.answerBy(() => {
      last = last.then(async () => {
        manager.reloading();
        const failure = await reload();
        manager.ready(failure === undefined ? listening : `${listening}; ${failure}`);
      });
    });
    signals.reopen.answerBy(() => {
      reopenFiles(gateway, log);
    });
    log.info('stopping', { signal: await Promise.race([told, gateway.lost]) });
  } finally {
    manager.stopping();
    reminder.stop();
    await gateway.stop();
  }
}

/** What says by itself why nothing is listened on. */
const SENTENCES = [PlaceError, AdminListenError, WorkerError] as const;

/** At SIGUSR1: logs go on in new files, and nothing else changes. */
function reopenFiles(gateway: Served, log: Log): void {
  try {
    gateway.reopenFiles();
    log.reopen();
    log.info('log files are opened anew');
  } catch (error) {
    log.error(`the log goes on where it was: ${messageOf(error)}`);
  }
}

const NOT_RELOADED = 'not reloaded, the old configuration goes on';

/**
 * At SIGHUP: the configuration anew, caches empty, the log file opened anew. What is wrong keeps the old.
 * @returns what does it, and says why it could not
 */
function reloading(
  context: Context,
  loaded: Read,
  gateway: Served,
  log: Log,
  reminder: Reminder,
): () => Promise<string | undefined> {
  let current = loaded;
  return async () => {
    try {
      log.reopen();
      gateway.reopenFiles();
      const next = readAgain(context, current);
      await gateway.reload(next);
      for (const warning of next.warnings) log.warn(warning);
      const waiting = needsRestart(loaded.origins, next.origins);
      if (waiting.length > 0) {
        log.warn(`changed, but only a restart takes it up: ${waiting.join(', ')}`);
      }
      gateway.noteReload({ failure: undefined, needsRestart: waiting });
      current = next;
      reminder.consider(next.config);
      log.info('reloaded', { config: next.file ?? 'defaults' });
      return undefined;
    } catch (error) {
      const lines = explainFailure(error).trimEnd().split('\n');
      const reasons = lines.map((line) => line.replace(/^kapgate: /, ''));
      for (const reason of reasons) log.error(`${NOT_RELOADED}: ${reason}`);
      gateway.noteReload({ failure: reasons.join('; '), needsRestart: [] });
      return `${NOT_RELOADED}: ${reasons.join('; ')}`;
    }
  };
}

/**
 * The configuration from the same file: one that was looked for and is gone for a moment, or has another before it now,
 * must not make another gateway of this one, with other users and a first admin to be made by anybody.
 * @throws ConfigError, or a sentence
 */
function readAgain(context: Context, current: Read): Read {
  const next = readAll(context);
  if (current.file === undefined || next.file === current.file) return next;
  const found = next.file === undefined ? 'no file is there' : `"${next.file}" is found before it`;
  throw new Error(
    `the configuration came from "${current.file}", and now ${found}: put it back, or restart`,
  );
}

const HOUR_MS = 60 * 60 * 1000;

/** Says again and again what must not be forgotten. */
interface Reminder {
  /** Says it at once where the configuration gives reason to, and every hour from then on. */
  consider(config: Config): void;
  stop(): void;
}

function createReminder(log: Log, config: Config): Reminder {
  let current = config;
  const remind = (): void => {
    for (const warning of warningsOf(current)) log.warn(warning);
  };
  remind();
  const timer = setInterval(remind, HOUR_MS);
  return {
    consider: (next) => {
      current = next;
      remind();
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

function listenFailure({ http }: Config, error: unknown): string {
  const address = `${http.bindAddress.host}:${http.bindAddress.port}`;
  const reason = messageOf(error);
  const advice = reason.includes('EADDRINUSE')
    ? 'another process has this port. If it is Kapacitor, move it first: bind-address = "127.0.0.1:9192" in [http] of kapacitor.conf'
    : 'choose another [http] bind-address';
  return `cannot listen on ${address}: ${reason}; ${advice}`;
}
