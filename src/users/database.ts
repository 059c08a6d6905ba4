import { createRequire } from 'node:module';
import type * as Lmdb from 'lmdb';
import { watchDataFile } from './datafile-watch.ts';
import type { DataFileWatch } from './datafile-watch.ts';
import { DATA_FILE, FILE_MODE, padDataFile, prepareDataFile } from './datafile.ts';

// The package's CommonJS form: one file in place of sixteen, a thirtieth of a start.
const { open } = createRequire(import.meta.url)('lmdb') as typeof Lmdb;

/** Records by name in one LMDB environment, which any number of processes have open at once. */
export interface Database {
  /** The number of writes ever made. One cheap read, and the reads after it see the store as of now. */
  generation(): number;
  summary(): Uint8Array;
  record(name: string): Uint8Array | undefined;
  /** At most `limit` names in the order of their bytes, from the first after `after` on. */
  names(after: string, limit: number): readonly string[];
  /**
   * Runs `change` as one transaction: it reads and puts, alone among all processes. Nothing of it stays where
   * it throws. The promise resolves once the transaction is on the disk.
   */
  write<T>(change: () => T): Promise<T>;
  /** Inside `write`: sets records, or takes them away (undefined), together with the new summary. */
  put(
    records: Iterable<readonly [name: string, record: Uint8Array | undefined]>,
    summary: Uint8Array,
  ): void;
  /**
   * The summary, and every record in the order of names, as of one moment, whatever is written meanwhile. Reading the
   * records must begin in this turn of the event loop; it may end later.
   */
  snapshot(): Snapshot;
  /** A further record beside the users'. */
  further(key: string): Uint8Array | undefined;
  /** The keys of further records that begin with a prefix, in the order of their bytes. */
  furtherKeys(prefix: string): readonly string[];
  /** Inside `write`: sets a further record, or takes it away. */
  putFurther(key: string, record: Uint8Array | undefined): void;
  /** As `putFurther`, and no reason for anybody to read anew: `generation` stays. */
  note(key: string, record: Uint8Array | undefined): void;
  close(): Promise<void>;
}

interface Snapshot {
  readonly summary: Uint8Array;
  readonly records: Iterable<readonly [name: string, record: Uint8Array]>;
}

const GENERATION = Buffer.from('generation');
const SUMMARY = Buffer.from('summary');

/** Opens the database in a directory, or makes it there. @throws with the reason and what to do. */
export function openDatabase(path: string, emptySummary: Uint8Array): Database {
  prepareDataFile(path, (directory) => {
    create(directory, emptySummary);
  });
  const tables = openSoundTables(path);
  const { root, users, meta } = tables;
  const watch = watchDataFile(path);
  return {
    generation: () => {
      watch.check();
      meta.resetReadTxn();
      return readGeneration(tables);
    },
    summary: () => demanded(meta.getBinary(SUMMARY), 'summary'),
    record: (name) => users.getBinary(Buffer.from(name)),
    names: (after, limit) => {
      watch.check();
      users.resetReadTxn();
      const start = after === '' ? {} : { start: Buffer.from(after), exclusiveStart: true };
      return Array.from(users.getKeys({ ...start, limit }), (key) => Buffer.from(key).toString());
    },
    write: (change) => write(tables, watch, change),
    put: (records, summary) => {
      put(tables, records, summary);
    },
    snapshot: () => {
      watch.check();
      // What begins to be read in this turn is read in the transaction that begins here.
      meta.resetReadTxn();
      return {
        summary: demanded(meta.getBinary(SUMMARY), 'summary'),
        records: recordsOf(tables),
      };
    },
    further: (key) => meta.getBinary(Buffer.from(key)),
    furtherKeys: (prefix) => {
      const range = { start: Buffer.from(prefix), end: endOf(prefix) };
      return Array.from(meta.getKeys(range), (key) => Buffer.from(key).toString());
    },
    putFurther: (key, record) => {
      note(tables, key, record);
      countWrite(tables);
    },
    note: (key, record) => {
      note(tables, key, record);
    },
    close: () => root.close(),
  };
}

type Root = ReturnType<typeof openRoot>;
type Tables = ReturnType<typeof openTables>;

function openRoot(path: string) {
  const options = {
    path,
    noSubdir: false,
    permissionsMode: FILE_MODE,
    keyEncoding: 'binary',
    encoding: 'binary',
    // With it a commit is acknowledged before it is on the disk, and a crash may go back behind it.
    overlappingSync: false,
    // With it a failed commit also rejects a promise that nobody can hold, and Node ends the process.
    eventTurnBatching: false,
    // Of all processes together; each takes one or two.
    maxReaders: 512,
  } as const;
  return open<Uint8Array, Uint8Array>(options);
}

function openTables(root: Root) {
  const table = (name: string) =>
    root.openDB<Uint8Array, Uint8Array>(name, { keyEncoding: 'binary', encoding: 'binary' });
  return { root, users: table('users'), meta: table('meta') };
}

function create(directory: string, emptySummary: Uint8Array): void {
  const { root, meta } = openTables(openRoot(directory));
  root.transactionSync(() => {
    meta.putSync(GENERATION, encodeGeneration(0));
    meta.putSync(SUMMARY, Buffer.from(emptySummary));
  });
  void root.close();
}

/** @throws where what must be there is not, or a file that was cut off lacks more than free pages. */
function openSoundTables(path: string): Tables {
  const root = openRoot(path);
  try {
    const cut = root.transactionSync(() => padDataFile(path));
    const tables = openTables(root);
    readGeneration(tables);
    demanded(tables.meta.getBinary(SUMMARY), 'summary');
    if (cut) {
      for (const table of [tables.users, tables.meta])
        Array.from(table.getKeys(), (key) => key.length);
    }
    return tables;
  } catch (thrown) {
    void root.close();
    throw thrown;
  }
}

async function write<T>({ root }: Tables, watch: DataFileWatch, change: () => T): Promise<T> {
  try {
    watch.check();
    return await root.childTransaction(() => {
      watch.check();
      return change();
    });
  } catch (thrown) {
    throw await commitErrorOf(thrown);
  }
}

/** LMDB's own reason where a commit failed: the library hands it over as a rejected promise beside its error. */
async function commitErrorOf(thrown: unknown): Promise<unknown> {
  if (typeof thrown !== 'object' || thrown === null || !('commitError' in thrown)) return thrown;
  try {
    await thrown.commitError;
    return thrown;
  } catch (reason) {
    return reason;
  }
}

function put(
  tables: Tables,
  records: Iterable<readonly [name: string, record: Uint8Array | undefined]>,
  summary: Uint8Array,
): void {
  for (const [name, record] of records) {
    const key = Buffer.from(name);
    if (record === undefined) tables.users.removeSync(key);
    else tables.users.putSync(key, record);
  }
  tables.meta.putSync(SUMMARY, summary);
  countWrite(tables);
}

/** In the table that was there from the beginning: a store of an earlier release needs no change to be read. */
function note({ meta }: Tables, key: string, record: Uint8Array | undefined): void {
  if (record === undefined) meta.removeSync(Buffer.from(key));
  else meta.putSync(Buffer.from(key), record);
}

/** The first key behind all that begin with an ASCII prefix. */
function endOf(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  end[end.length - 1] = (end.at(-1) ?? 0) + 1;
  return end;
}

function countWrite(tables: Tables): void {
  tables.meta.putSync(GENERATION, encodeGeneration(readGeneration(tables) + 1));
}

function* recordsOf({ users }: Tables): Iterable<readonly [string, Uint8Array]> {
  for (const { key, value } of users.getRange()) yield [Buffer.from(key).toString(), value];
}

function readGeneration({ meta }: Tables): number {
  return demanded(meta.getBinaryFast(GENERATION), 'generation').readDoubleLE(0);
}

function encodeGeneration(generation: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(generation);
  return bytes;
}

function demanded<T>(value: T | undefined, name: string): T {
  if (value !== undefined) return value;
  throw new Error(`${DATA_FILE} holds no ${name} of users: put it back from a backup`);
}
