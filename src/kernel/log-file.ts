import { close, openSync, write, writeSync } from 'node:fs';
import { Writable } from 'node:stream';
import { messageOf } from './errors.ts';

const NEWLINE = 0x0a;

/**
 * A file that lines are appended to, one write at a time and none that anybody waits for. What a full or broken disk does
 * not take is lost, and told of once it takes something again.
 * @throws from its constructor where the file cannot be opened
 */
export class LogFile {
  /** Takes whole lines. */
  readonly stream: Writable;
  readonly #path: string;
  readonly #onLost: (lines: number) => void;
  #descriptor: number;
  /** Of the file that has the path now. */
  #next: number | undefined;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #isBusy = false;
  /** Whether the file ends with the beginning of a line, the rest of which is lost. */
  #isWithinLine = false;
  #lost = 0;
  #onIdle: (() => void) | undefined;

  constructor(path: string, onLost: (lines: number) => void) {
    this.#path = path;
    this.#onLost = onLost;
    this.#descriptor = openForAppend(path);
    this.stream = new Writable({
      write: (lines: Buffer, _encoding, done) => {
        this.#waiting.push(lines);
        this.#waitingBytes += lines.length;
        this.#pump();
        done();
      },
    });
  }

  /** Of lines that the file has not taken yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  /** Goes on in the file that has the path now. @throws where it cannot be opened */
  reopen(): void {
    const descriptor = openForAppend(this.#path);
    if (this.#next !== undefined) close(this.#next, ignore);
    this.#next = descriptor;
    this.#pump();
  }

  /** At the end of the process: what waits is written before it returns. */
  writeNow(): void {
    try {
      if (this.#waiting.length > 0) writeSync(this.#descriptor, this.#takeBatch());
    } catch {
      // There is no time left to try again.
    }
  }

  /** Resolves once every line is written, or lost. */
  async close(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      this.#pump();
    });
    close(this.#descriptor, ignore);
  }

  #pump(): void {
    if (this.#isBusy) return;
    if (this.#next !== undefined) {
      close(this.#descriptor, ignore);
      this.#descriptor = this.#next;
      this.#next = undefined;
      this.#isWithinLine = false;
    }
    if (this.#waiting.length === 0) this.#onIdle?.();
    else this.#write(this.#takeBatch());
  }

  #takeBatch(): Buffer {
    const begun = this.#isWithinLine ? [Buffer.of(NEWLINE)] : [];
    const parts = [...begun, ...this.#waiting];
    this.#waiting = [];
    const [only] = parts;
    return only !== undefined && parts.length === 1 ? only : Buffer.concat(parts);
  }

  #write(batch: Buffer): void {
    this.#isBusy = true;
    write(this.#descriptor, batch, (error, bytes) => {
      if (error === null && bytes < batch.length) {
        if (bytes > 0) this.#isWithinLine = batch[bytes - 1] !== NEWLINE;
        this.#write(batch.subarray(bytes));
        return;
      }
      this.#isBusy = false;
      this.#waitingBytes = this.#waiting.reduce((sum, { length }) => sum + length, 0);
      if (error === null) this.#succeed();
      else this.#lost += linesIn(batch);
      this.#pump();
    });
  }

  #succeed(): void {
    this.#isWithinLine = false;
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.#onLost(lost);
  }
}

/** The end of a line that was cut is none of them. */
function linesIn(batch: Buffer): number {
  let lines = batch[0] === NEWLINE ? -1 : 0;
  for (const byte of batch) if (byte === NEWLINE) lines += 1;
  return lines;
}

function openForAppend(path: string): number {
  try {
    return openSync(path, 'a', 0o640);
  } catch (cause) {
    throw new Error(`cannot open the log "${path}": ${messageOf(cause)}`, { cause });
  }
}

function ignore(): void {
  // A file that cannot be closed is none of ours any more.
}
