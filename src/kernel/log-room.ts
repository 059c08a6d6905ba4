/**
 * What may wait in memory for a disk that stands still or a reader who does not read, in bytes. Warnings and errors may
 * be as much again: requests do not crowd them out. Further lines are dropped, counted and told of.
 */
const MAX_WAITING = 4 * 1024 * 1024;
/** Whoever fell behind that far has caught up once no more than this waits: gaps are few, and lines between them many. */
const CAUGHT_UP = MAX_WAITING / 2;

interface Waiting {
  readonly waitingBytes: number;
}

/** Bounds what waits, and counts what there is no room for. */
export class LogRoom {
  readonly #waiting: Waiting;
  readonly #tellLost: (lines: number) => void;
  #lost = 0;

  constructor(waiting: Waiting, tellLost: (lines: number) => void) {
    this.#waiting = waiting;
    this.#tellLost = tellLost;
  }

  /** Asked once for each line: one that there is no room for is counted. */
  hasRoom(isUrgent: boolean): boolean {
    const { waitingBytes } = this.#waiting;
    if (this.#lost > 0 && waitingBytes <= CAUGHT_UP) this.tell();
    const isFull = isUrgent
      ? waitingBytes > 2 * MAX_WAITING
      : this.#lost > 0 || waitingBytes > MAX_WAITING;
    if (isFull) this.#lost += 1;
    return !isFull;
  }

  /** What was dropped until now. */
  tell(): void {
    const lost = this.#lost;
    this.#lost = 0;
    if (lost > 0) this.#tellLost(lost);
  }
}
