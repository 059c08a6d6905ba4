import { spawn } from 'node:child_process';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who started the service and wants to know how it is: systemd, where it waits for that. */
export interface ServiceManager {
  /** Requests are taken from now on, or a reload is over, however it went. @param status a line for `systemctl status` */
  ready(status: string): void;
  /** A reload begins: until `ready`, systemd waits for its end. */
  reloading(): void;
  stopping(): void;
}

interface ManagerOptions {
  readonly env: Environment;
  readonly pid: number;
  /** CLOCK_MONOTONIC in nanoseconds: systemd tells by it which reload is meant. */
  readonly monotonic: () => bigint;
  /** Told where it cannot be told. */
  readonly onFailure: (cause: string) => void;
}

const NOBODY: ServiceManager = {
  ready: () => undefined,
  reloading: () => undefined,
  stopping: () => undefined,
};

/** A sign of life that is not told in time is followed by the next one. */
const ALIVE = 'WATCHDOG=1';
const MAX_STATUS_CHARACTERS = 500;

/**
 * Speaks sd_notify(3) through systemd's own program: Node has no datagram socket of the Unix kind. The watchdog is
 * fed by a timer of the event loop, so it starves when that stands still.
 */
export function openServiceManager(options: ManagerOptions): ServiceManager {
  const { env, pid, monotonic } = options;
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return NOBODY;
  const { tell, tellAtOnce, forget } = createTelling(options);
  let watchdog: NodeJS.Timeout | undefined;
  return {
    ready: (status) => {
      tell('READY=1', `STATUS=${lineOf(status)}`);
      const intervalMs = watchdogMs(env, pid) / 2;
      if (intervalMs > 0) watchdog ??= setInterval(() => tell(ALIVE), intervalMs).unref();
    },
    reloading: () => {
      // What came of an earlier one is of no interest any more.
      forget();
      tell('RELOADING=1', `MONOTONIC_USEC=${monotonic() / 1000n}`);
    },
    stopping: () => {
      clearInterval(watchdog);
      forget();
      tellAtOnce('STOPPING=1');
    },
  };
}

interface Telling {
  readonly tell: (...states: readonly string[]) => void;
  /** Beside what is being told: this process may be gone before that has come to its end. */
  readonly tellAtOnce: (state: string) => void;
  /** What waits is not told any more. */
  readonly forget: () => void;
}

/** One process after the other: READY=1 that overtakes RELOADING=1 would be a reload without an end. */
function createTelling({ env, onFailure }: ManagerOptions): Telling {
  const waiting: (readonly string[])[] = [];
  let isBusy = false;
  let hasFailed = false;
  const fail = (cause: string): void => {
    if (!hasFailed) onFailure(cause);
    hasFailed = true;
  };
  const send = (states: readonly string[], onEnd: () => void): void => {
    const child = spawn('systemd-notify', states, {
      // Without LISTEN_… and the rest: it needs to know nothing else.
      env: { PATH: env['PATH'], NOTIFY_SOCKET: env['NOTIFY_SOCKET'] },
      stdio: 'ignore',
    });
    child.once('error', ({ message }) => {
      fail(message);
      onEnd();
    });
    child.once('exit', (code) => {
      if (code !== 0) fail(`systemd-notify ended with ${String(code)}`);
      onEnd();
    });
    child.unref();
  };
  const next = (): void => {
    const states = waiting.shift();
    isBusy = states !== undefined;
    if (states !== undefined) send(states, next);
  };
  return {
    tell: (...states) => {
      if (isBusy && states[0] === ALIVE) return;
      waiting.push(states);
      if (!isBusy) next();
    },
    tellAtOnce: (state) => send([state], () => undefined),
    forget: () => {
      waiting.length = 0;
    },
  };
}

/** Each line of a message is one of its variables. */
function lineOf(status: string): string {
  return status.replace(/[\u0000-\u001f\u007f]+/g, ' ').slice(0, MAX_STATUS_CHARACTERS);
}

/** How long systemd waits for a sign of life; 0: it does not. */
function watchdogMs(env: Environment, pid: number): number {
  const { WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: forPid = String(pid) } = env;
  return forPid === String(pid) && /^\d{4,12}$/.test(microseconds)
    ? Number(microseconds) / 1000
    : 0;
}
