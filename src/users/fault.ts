import { messageOf } from '../kernel/errors.ts';

/** The store cannot be read or written: never to be taken for "no such user" or "no admin". */
export class UserStoreError extends Error {
  override readonly name = 'UserStoreError';

  /** `doing` is "open", "read", "write", "read user NAME in"; the message is a sentence with the path and the reason. */
  constructor(doing: string, path: string, cause: unknown) {
    super(`cannot ${doing} the user store "${path}": ${messageOf(cause)}${adviceOn(cause)}`, {
      cause,
    });
  }
}

interface Advice {
  /** Errors of Node carry a name, those of LMDB the number. */
  readonly codes: readonly (string | number)[];
  readonly words: string;
}

const ADVICE: readonly Advice[] = [
  {
    codes: ['EACCES', 'EPERM', 13, 1],
    words:
      'run it with sudo, or as the user that owns the directory: sudo -u kapgate. The service must own it: chown -R kapgate',
  },
  { codes: ['ENOSPC', 'EDQUOT', 28, 122], words: 'make room on its disk' },
  { codes: ['EROFS', 30], words: 'its file system must be writable' },
  // MDB_PAGE_NOTFOUND, MDB_CORRUPTED, MDB_PANIC
  { codes: [-30797, -30796, -30795], words: 'put it back from a backup' },
  { codes: ['ENOTDIR', 'EEXIST', 20], words: 'the path must be that of a directory' },
];

function adviceOn(cause: unknown): string {
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return '';
  const { code } = cause;
  const advice = ADVICE.find(({ codes }) => codes.some((each) => each === code));
  return advice === undefined ? '' : ` (${advice.words})`;
}
