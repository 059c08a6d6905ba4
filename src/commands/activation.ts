import type { DoorPlace } from '../listener/doors.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** The first file descriptor behind standard error: sd_listen_fds(3). */
const FIRST = 3;
const MAX_SOCKETS = 64;

/**
 * The sockets that systemd, or whoever speaks as it does, opened for this process. Variables that name another process
 * were left over from its parent: they are passed over.
 */
export function inheritedPlaces(env: Environment, pid: number): readonly DoorPlace[] {
  const { LISTEN_PID: forPid = '', LISTEN_FDS: count = '' } = env;
  if (forPid !== String(pid) || !/^\d{1,3}$/.test(count)) return [];
  return Array.from({ length: Math.min(Number(count), MAX_SOCKETS) }, (_, index) => ({
    kind: 'inherited',
    fd: FIRST + index,
  }));
}
