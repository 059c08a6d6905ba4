import { spawn } from 'node:child_process';

type Environment = Readonly<Record<string, string | undefined>>;

/** Who started the service and wants to know how it is: systemd, where it waits for that. */
export interface ServiceManager {
  /** Requests are taken from now on. @param status a line for `systemctl status` */
  ready(status: string): void;
  stopping(): void;
}

interface ManagerOptions {
  readonly env: Environment;
  readonly pid: number;
  /** Told where it cannot be told. */
  readonly onFailure: (cause: string) => void;
}

const NOBODY: ServiceManager = { ready: () => undefined, stopping: () => undefined };

/**
 * Speaks sd_notify(3) through systemd's own program: Node has no datagram socket of the Unix kind. The watchdog is
 * fed by a timer of the event loop, so it starves when that stands still.
 */
export function openServiceManager({ env, pid, onFailure }: ManagerOptions): ServiceManager {
  if ((env['NOTIFY_SOCKET'] ?? '') === '') return NOBODY;
  let watchdog: NodeJS.Timeout | undefined;
  let hasFailed = false;
  const fail = (cause: string): void => {
    if (!hasFailed) onFailure(cause);
    hasFailed = true;
  };
  const notify = (...states: readonly string[]): void => {
    // Without LISTEN_… and the rest: it needs to know nothing else.
    const child = spawn('systemd-notify', states, {
      env: { PATH: env['PATH'], NOTIFY_SOCKET: env['NOTIFY_SOCKET'] },
      stdio: 'ignore',
    });
    child.once('error', ({ message }) => fail(message));
    child.once('exit', (code) => {
      if (code !== 0) fail(`systemd-notify ended with ${String(code)}`);
    });
    child.unref();
  };
  return {
    ready: (status) => {
      notify('READY=1', `STATUS=${status}`);
      const intervalMs = watchdogMs(env, pid) / 2;
      if (intervalMs > 0) watchdog = setInterval(() => notify('WATCHDOG=1'), intervalMs).unref();
    },
    stopping: () => {
      clearInterval(watchdog);
      notify('STOPPING=1');
    },
  };
}

/** How long systemd waits for a sign of life; 0: it does not. */
function watchdogMs(env: Environment, pid: number): number {
  const { WATCHDOG_USEC: microseconds = '', WATCHDOG_PID: forPid = String(pid) } = env;
  return forPid === String(pid) && /^\d{4,12}$/.test(microseconds)
    ? Number(microseconds) / 1000
    : 0;
}
