import { close, fstatSync, open, openSync, readSync, write } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { messageOf } from '../kernel/errors.ts';
import { jsonLine } from '../kernel/json-line.ts';
import type { Log } from '../kernel/log.ts';
import { Pace } from './pace.ts';

interface AuditFileOptions {
  /** `-` for standard output. */
  readonly path: string;
  readonly log: Log;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** How soon a file that takes nothing is tried again. */
  readonly retryMs?: number;
  /** Of lines that the file has not taken yet. */
  readonly maxWaitingBytes?: number;
}

/** Some 20,000 lines: what a disk that stands still may cost in memory. Further lines are dropped, and counted. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;
const RETRY_MS = 1_000;
/** How long the end of the gateway waits for the disk. */
const CLOSE_MS = 2_000;
/** How soon a pipe that is full is tried again. */
const PIPE_MS = 20;
/** As a path: standard output. */
const STDOUT = '-';
const MODE = 0o640;
const NEWLINE = 0x0a;

/**
 * A file that lines are appended to, one write at a time and none that anybody waits for. Where the disk is full, broken
 * or standing still, lines wait in memory up to a bound, then they are dropped, counted and told: never a request.
 * @throws from its constructor where the file cannot be opened: an audit that was asked for and is not there stops the start
 */
export class AuditFile {
  readonly #options: AuditFileOptions;
  #descriptor: number;
  #next: number | undefined;
  #waiting: string[] = [];
  #waitingBytes = 0;
  /** What is being written, and how much of it has been. */
  #batch: Buffer | undefined;
  #written = 0;
  #isBusy = false;
  #isClosed = false;
  #retry: NodeJS.Timeout | undefined;
  #fault: string | undefined;
  readonly #faultPace: Pace;
  #dropped = 0;
  #droppedEver = 0;
  #onIdle: (() => void) | undefined;

  constructor(options: AuditFileOptions) {
    this.#options = options;
    this.#faultPace = new Pace(options.now);
    try {
      const isStdout = options.path === STDOUT;
      this.#descriptor = isStdout ? 1 : openSync(options.path, 'a+', MODE);
      if (!isStdout && endsWithinLine(this.#descriptor)) this.#put('');
    } catch (cause) {
      const advice = 'the gateway must be able to write there, or [audit] file = ""';
      throw new Error(
        `cannot open the audit log "${options.path}": ${messageOf(cause)}; ${advice}`,
        { cause },
      );
    }
  }

  /** Lines that were dropped since the start. */
  get dropped(): number {
    return this.#droppedEver;
  }

  /** Why the file takes nothing at the moment. */
  get fault(): string | undefined {
    return this.#fault;
  }

  append(line: string): void {
    if (this.#put(line)) this.#pump();
    else {
      this.#dropped += 1;
      this.#droppedEver += 1;
      this.#tellFault();
    }
  }

  /** Goes on in the file that has the path now, the old one having been moved away. */
  reopen(): void {
    const { path, log } = this.#options;
    if (path === STDOUT) return;
    open(path, 'a+', MODE, (error, descriptor) => {
      if (error !== null) {
        const fields = { file: path, cause: error.message };
        log.error('cannot reopen the audit log: it goes on where it was', fields);
        return;
      }
      if (this.#next !== undefined) close(this.#next, ignore);
      this.#next = descriptor;
      this.#pump();
    });
  }

  /** Resolves once every line is written, or the disk had its time. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
    });
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#pump();
    await Promise.race([idle, after(CLOSE_MS, undefined, { ref: false })]);
    clearTimeout(this.#retry);
    this.#isClosed = true;
    const lost = this.#dropped + this.#linesLeft();
    if (lost > 0) this.#options.log.error('lines of the audit log are lost', { lines: lost });
    if (!this.#isBusy && this.#options.path !== STDOUT) close(this.#descriptor, ignore);
  }

  /** @returns false where there is no room */
  #put(line: string): boolean {
    const bytes = Buffer.byteLength(line) + 1;
    const { maxWaitingBytes = MAX_WAITING_BYTES } = this.#options;
    if (this.#waitingBytes + bytes > maxWaitingBytes) return false;
    this.#waiting.push(`${line}\n`);
    this.#waitingBytes += bytes;
    return true;
  }

  #pump(): void {
    if (this.#isBusy || this.#isClosed || (this.#retry !== undefined && this.#next === undefined))
      return;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    if (this.#next !== undefined) this.#changeFile(this.#next);
    if (this.#batch === undefined && !this.#takeBatch()) {
      this.#onIdle?.();
      return;
    }
    this.#write();
  }

  /** A line that the old file has only the beginning of comes whole in the new one. */
  #changeFile(descriptor: number): void {
    close(this.#descriptor, ignore);
    this.#descriptor = descriptor;
    this.#next = undefined;
    if (this.#batch !== undefined && this.#written > 0) {
      this.#written = this.#batch.lastIndexOf(NEWLINE, this.#written - 1) + 1;
    }
  }

  #takeBatch(): boolean {
    if (this.#waiting.length === 0) return false;
    this.#batch = Buffer.from(this.#waiting.join(''));
    this.#waiting = [];
    this.#written = 0;
    return true;
  }

  #write(): void {
    const batch = this.#batch ?? Buffer.alloc(0);
    const { length } = batch;
    this.#isBusy = true;
    write(this.#descriptor, batch, this.#written, length - this.#written, null, (error, bytes) => {
      this.#isBusy = false;
      if (error?.code === 'EAGAIN') {
        this.#tryAgain(PIPE_MS);
        return;
      }
      if (error !== null) {
        this.#fail(error);
        return;
      }
      this.#written += bytes;
      if (this.#written === length) {
        this.#batch = undefined;
        this.#waitingBytes -= length;
      }
      this.#recover();
      this.#pump();
    });
  }

  #fail(error: Error): void {
    this.#fault = error.message;
    this.#tellFault();
    this.#tryAgain(this.#options.retryMs ?? RETRY_MS);
    if (this.#next !== undefined) this.#pump();
  }

  #tryAgain(afterMs: number): void {
    const retry = (): void => {
      this.#retry = undefined;
      this.#pump();
    };
    this.#retry = setTimeout(retry, afterMs).unref();
  }

  /** It takes lines again: it and the log tell how many are missing. */
  #recover(): void {
    const { path, log, now } = this.#options;
    if (this.#fault === undefined && this.#dropped === 0) return;
    const dropped = this.#dropped;
    const time = new Date(now()).toISOString();
    if (dropped > 0 && !this.#put(jsonLine({ time, event: 'lines dropped', lines: dropped })))
      return;
    log.warn('the audit log is written again', { file: path, dropped });
    this.#fault = undefined;
    this.#faultPace.forget();
    this.#dropped = 0;
  }

  #tellFault(): void {
    const { path, log } = this.#options;
    if (!this.#faultPace.isDue()) return;
    this.#faultPace.told();
    const cause = this.#fault ?? 'the disk does not keep up';
    log.error('the audit log cannot be written', { file: path, cause, dropped: this.#dropped });
  }

  #linesLeft(): number {
    let lines = this.#waiting.length;
    const batch = this.#batch;
    if (batch === undefined) return lines;
    for (
      let at = batch.indexOf(NEWLINE, this.#written);
      at >= 0;
      at = batch.indexOf(NEWLINE, at + 1)
    ) {
      lines += 1;
    }
    return lines;
  }
}

/** True where whoever wrote it last was cut off in the middle of a line. */
function endsWithinLine(descriptor: number): boolean {
  const stats = fstatSync(descriptor);
  if (!stats.isFile() || stats.size === 0) return false;
  const last = Buffer.alloc(1);
  readSync(descriptor, last, 0, 1, stats.size - 1);
  return last[0] !== NEWLINE;
}

/** Of a file that is given up. */
function ignore(): void {
  return;
}
