import {
  closeSync,
  constants,
  fchownSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { Loaded } from '../config/load.ts';
import { messageOf } from '../kernel/errors.ts';
import { changeLine } from '../observe/audit-change.ts';
import type { AuditedChange, Author } from '../observe/audit-change.ts';
import { inChunks } from './chunks.ts';
import type { Terminal } from './terminal.ts';

/** Notes in the gateway's audit log what a command has changed. */
export interface ChangeLog {
  note(changes: Iterable<AuditedChange>): void;
}

const MODE = 0o640;
const NEWLINE = 0x0a;
const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDWR } = constants;

/**
 * The user of the host who runs a command, and on whose behalf where sudo says so. To be asked before root becomes the
 * owner of the store.
 */
export function authorOf({ env }: Pick<Terminal, 'env'>): Author {
  const as = ownName();
  const sudo = (env['SUDO_USER'] ?? '').slice(0, MAX_NAME);
  return sudo === '' || sudo === as
    ? { user: `cli:${as}`, auth: 'cli' }
    : { user: `cli:${sudo}`, auth: 'cli', as };
}

const MAX_NAME = 256;

/**
 * A log of changes that are made already: where the file cannot be written, they stay, and standard error says so. A
 * full disk must not keep an operator from shutting somebody out, and whoever may write the store needs no command for it.
 */
export function openChangeLog(
  { err, process }: Pick<Terminal, 'err' | 'process'>,
  { config }: Loaded,
  author: Author,
): ChangeLog {
  const { file } = config.audit;
  return {
    note: (changes) => {
      if (file === '') return;
      if (file === '-') {
        err('kapgate: the audit log is standard output of the gateway: this change is not in it\n');
        return;
      }
      const lines = linesOf(changes, new Date().toISOString(), author);
      try {
        append(file, inChunks(lines), process.geteuid?.() === 0);
      } catch (cause) {
        err(
          `kapgate: the change is made, but the audit log "${file}" does not have it: ${messageOf(cause)}\n`,
        );
      }
    },
  };
}

function* linesOf(
  changes: Iterable<AuditedChange>,
  time: string,
  author: Author,
): Iterable<string> {
  for (const change of changes) yield changeLine(time, change, author);
}

/** A user of the host without a name has a number. */
function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    return 'unknown';
  }
}

function append(path: string, chunks: Iterable<string>, isRoot: boolean): void {
  const file = open(path, isRoot);
  try {
    // What the gateway wrote last may be half a line: its disk was full.
    if (endsWithinLine(file)) write(file, '\n');
    for (const chunk of chunks) write(file, chunk);
  } finally {
    closeSync(file);
  }
}

/** All at once: what another process writes stands before it or behind it. */
function write(file: number, text: string): void {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length;) sent += writeSync(file, bytes, sent);
}

/** Root follows no link that the service has put there, and leaves no file that the service cannot write. */
function open(path: string, isRoot: boolean): number {
  const flags = O_RDWR | O_APPEND | O_NONBLOCK | (isRoot ? O_NOFOLLOW : 0);
  try {
    return openSync(path, flags);
  } catch (thrown) {
    if (!isMissing(thrown)) throw thrown;
  }
  const file = openSync(path, flags | O_CREAT | O_EXCL, MODE);
  const { uid, gid } = statSync(dirname(path));
  if (isRoot) fchownSync(file, uid, gid);
  return file;
}

function isMissing(thrown: unknown): boolean {
  return (
    typeof thrown === 'object' && thrown !== null && 'code' in thrown && thrown.code === 'ENOENT'
  );
}

function endsWithinLine(file: number): boolean {
  const stats = fstatSync(file);
  if (!stats.isFile() || stats.size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(file, last, 0, 1, stats.size - 1);
  return last[0] !== NEWLINE;
}
