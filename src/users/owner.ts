import { statSync } from 'node:fs';

/** What `process` has of it on POSIX systems. */
export interface OwnerOperations {
  readonly geteuid?: () => number;
  readonly getgroups?: () => readonly number[];
  readonly setgroups?: (groups: readonly number[]) => void;
  readonly setgid?: (gid: number) => void;
  readonly setuid?: (uid: number) => void;
}

/**
 * Where root is at work, goes on for good as the owner of the store's directory, so that nothing is left there that the
 * service cannot read; and as nobody more, so that nothing the service put there (a link) leads root astray.
 * Stays root where the directory is root's or is not there yet. To be called before the store is opened, and after
 * everything is read that only root may read.
 */
export function takeOwner(path: string, operations: OwnerOperations): void {
  const { geteuid, setgroups, setgid, setuid } = operations;
  if (geteuid?.() !== 0) return;
  const owner = statSync(path, { throwIfNoEntry: false });
  if (owner === undefined || owner.uid === 0) return;
  if (ownerBarred(operations)) {
    throw new Error(
      `the user store "${path}" is not root's, and this build of Node lets no program change its user: ` +
        `run the command as the store's owner (sudo -u kapgate kapgate …)`,
    );
  }
  setgroups?.([owner.gid]);
  setgid?.(owner.gid);
  setuid?.(owner.uid);
}

/** Whether root is at work under a Node that cannot become another user: one that uses the system's libuv, as Debian's. */
export function ownerBarred({ geteuid, getgroups, setgroups }: OwnerOperations): boolean {
  if (geteuid?.() !== 0) return false;
  try {
    setgroups?.(getgroups?.() ?? []);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_STATE';
  }
}
