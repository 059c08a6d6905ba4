import { statSync } from 'node:fs';

/** What `process` has of it on POSIX systems. */
export interface OwnerOperations {
  readonly geteuid?: () => number;
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
  setgroups?.([owner.gid]);
  setgid?.(owner.gid);
  setuid?.(owner.uid);
}
