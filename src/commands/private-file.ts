import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
} from 'node:fs';
import { messageOf } from '../kernel/errors.ts';
import type { OwnerOperations } from '../users/owner.ts';
import { CommandError } from './terminal.ts';

/** A file that only its owner may read: for hashes and passwords. */
export interface PrivateFile {
  readonly write: (text: string) => void;
  /** Puts all of it on the disk. Without it, what is there is not whole. */
  readonly finish: () => void;
  /** Takes back what was written. */
  readonly empty: () => void;
  /** To be called in any case, at the end. */
  readonly close: () => void;
}

interface PrivateFileOptions {
  /** Overwrite one that is there: its old content goes when the first line is written. */
  readonly force?: boolean | undefined;
  readonly process: OwnerOperations;
  /** By default 0600. */
  readonly mode?: number | undefined;
}

const PRIVATE = 0o600;
const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;

/** Opens it, or makes it: to be done before root becomes the owner of the store, who may not write everywhere. */
export function openPrivateFile(path: string, options: PrivateFileOptions): PrivateFile {
  const file = guarded(path, () => open(path, options));
  let isEmptied = false;
  return {
    write: (text) => {
      guarded(path, () => {
        if (!isEmptied) ftruncateSync(file);
        isEmptied = true;
        const bytes = Buffer.from(text);
        for (let sent = 0; sent < bytes.length;) sent += writeSync(file, bytes, sent);
      });
    },
    finish: () => {
      guarded(path, () => {
        fsyncSync(file);
      });
    },
    empty: () => {
      guarded(path, () => {
        ftruncateSync(file);
      });
    },
    close: () => {
      closeSync(file);
    },
  };
}

function open(path: string, { force, process, mode = PRIVATE }: PrivateFileOptions): number {
  const flags = O_WRONLY | O_CREAT | O_NOFOLLOW | (force === true ? 0 : O_EXCL);
  const file = openSync(path, flags, mode);
  const { uid } = fstatSync(file);
  const refused = !fstatSync(file).isFile()
    ? 'it is not a regular file'
    : // Whoever made it beforehand could read what is written.
      process.geteuid !== undefined && uid !== process.geteuid()
      ? 'it belongs to another user'
      : undefined;
  if (refused !== undefined) {
    closeSync(file);
    throw new Error(refused);
  }
  // One that was there keeps its mode, and the umask may leave less.
  fchmodSync(file, mode);
  return file;
}

function guarded<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw new CommandError(`cannot write ${JSON.stringify(path)}: ${reasonOf(cause)}`, 1, {
      cause,
    });
  }
}

function reasonOf(cause: unknown): string {
  const code = typeof cause === 'object' && cause !== null && 'code' in cause ? cause.code : '';
  switch (code) {
    case 'EEXIST':
      return 'it is there already; give another name, or remove it';
    case 'ELOOP':
      return 'it is a symbolic link';
    default:
      return messageOf(cause);
  }
}
