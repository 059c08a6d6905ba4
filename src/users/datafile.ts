import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  existsSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';

/** LMDB's own names: its tools find them. */
export const DATA_FILE = 'data.mdb';
const LOCK_FILE = 'lock.mdb';

const DIRECTORY_MODE = 0o700;
export const FILE_MODE = 0o600;

/**
 * Sees to it that a sound data file stands in the directory, with nothing in it open to others.
 * `make` makes a new database in the directory it is given; that is then linked into its place, whole and before
 * any lock file: so an empty file, or a lock file alone, is a damage and not a beginning. Of several processes that
 * make one at once, one wins.
 * @throws where there is something else, or what is there is damaged: LMDB would crash on it, or begin anew.
 */
export function prepareDataFile(path: string, make: (directory: string) => void): void {
  const locked = isFile(join(path, LOCK_FILE));
  if (!isFile(join(path, DATA_FILE))) {
    if (locked) {
      throw new Error(
        `${DATA_FILE} is gone and only ${LOCK_FILE} is left: put ${DATA_FILE} back from a backup, or remove ${LOCK_FILE} to begin without users`,
      );
    }
    create(path, make);
  }
  if (!locked) inDraft(path, (draft) => linkLockFile(draft, path));
  withFile(join(path, DATA_FILE), 'r+', readHeader);
  mayWrite(path);
  // Never to be opened here: closing it would take away the locks that LMDB holds on it for this process.
  if (locked) mayWrite(join(path, LOCK_FILE));
  protect(join(path, DATA_FILE));
  protect(join(path, LOCK_FILE));
}

/**
 * Gives a data file that was cut off its full length again, in zeros: to read what is missing is then an error and
 * no longer a crash. True where something was missing; that is no damage where only free pages were (LMDB does not
 * write those at the end of the file). To be called under LMDB's write lock.
 */
export function padDataFile(path: string): boolean {
  return withFile(join(path, DATA_FILE), 'r+', (file) => {
    const { pageSize, lastPage } = readHeader(file);
    const whole = pageSize * (lastPage + 1);
    const cut = fstatSync(file).size < whole;
    if (cut) ftruncateSync(file, whole);
    return cut;
  });
}

function create(path: string, make: (directory: string) => void): void {
  makeDirectory(path);
  inDraft(path, (draft) => {
    writeLockFile(draft);
    make(draft);
    unlessThere(join(path, DATA_FILE), () => {
      linkSync(join(draft, DATA_FILE), join(path, DATA_FILE));
    });
    syncDirectory(path);
  });
}

function inDraft(path: string, use: (draft: string) => void): void {
  const draft = mkdtempSync(join(path, '.new-'));
  try {
    use(draft);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** Whole into its place, or not at all: another process may have it open by then. */
function linkLockFile(draft: string, path: string): void {
  writeLockFile(draft);
  unlessThere(join(path, LOCK_FILE), () => {
    linkSync(join(draft, LOCK_FILE), join(path, LOCK_FILE));
  });
}

/** What LMDB makes itself for `maxReaders`, and a little more, which it takes for more readers. */
const LOCK_BYTES = 40 * 1024;

/** LMDB only sets its length and maps it: on a full disk the first byte written to it would end the process (SIGBUS). */
function writeLockFile(directory: string): void {
  writeFileSync(join(directory, LOCK_FILE), Buffer.alloc(LOCK_BYTES), {
    mode: FILE_MODE,
    flush: true,
  });
}

/** One by one: Node's own recursion never ends where a file system takes no directories (/proc). */
function makeDirectory(path: string): void {
  if (existsSync(path)) return;
  const parent = dirname(path);
  makeDirectory(parent);
  unlessThere(path, () => {
    mkdirSync(path, { mode: DIRECTORY_MODE });
  });
  syncDirectory(parent);
}

/** Another process may have been faster. */
function unlessThere(path: string, make: () => void): void {
  try {
    make();
  } catch (thrown) {
    if (!existsSync(path)) throw thrown;
  }
}

/** A new name is durable only once its directory is. */
function syncDirectory(path: string): void {
  withFile(path, 'r', fsyncSync);
}

function mayWrite(path: string): void {
  accessSync(path, constants.R_OK | constants.W_OK);
}

/** A file that came from a backup may be open to others. */
function protect(file: string): void {
  const mode = statSync(file, { throwIfNoEntry: false })?.mode;
  if (mode !== undefined && (mode & 0o077) !== 0) chmodSync(file, FILE_MODE);
}

function isFile(path: string): boolean {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isFile() === false) throw new Error(`"${path}" is not a regular file`);
  return stat !== undefined;
}

interface Header {
  readonly pageSize: number;
  readonly lastPage: number;
  readonly transaction: bigint;
}

/** Both first pages say where the data begins; the one of the later transaction holds (mdb.c MDB_meta, data version 2). */
function readHeader(file: number): Header {
  const first = readMetaPage(file, 0);
  const second = readMetaPage(file, first.pageSize);
  return first.transaction > second.transaction ? first : second;
}

const MAGIC = 0xbeefc0de;
const DATA_VERSION = 2;
const META_BYTES = 0xa0;

function readMetaPage(file: number, position: number): Header {
  const page = Buffer.alloc(META_BYTES);
  readSync(file, page, 0, META_BYTES, position);
  if (page.readUInt32LE(0x18) !== MAGIC || page.readUInt32LE(0x1c) !== DATA_VERSION) {
    throw new Error(`${DATA_FILE} is damaged or not an LMDB file: put it back from a backup`);
  }
  return {
    pageSize: page.readUInt32LE(0x30),
    lastPage: Number(page.readBigUInt64LE(0x90)),
    transaction: page.readBigUInt64LE(0x98),
  };
}

function withFile<T>(path: string, flags: 'r' | 'r+', use: (file: number) => T): T {
  const file = openSync(path, flags);
  try {
    return use(file);
  } finally {
    closeSync(file);
  }
}
