/** So long a line may wait for more. A person sees it at once; at 20,000 requests a second 400 go together. */
const WAIT_MS = 20;
/** In characters. */
const MAX_LENGTH = 128 * 1024;

/** Lines that go on together: a write costs more than a line. */
export class LogBatch {
  readonly #pass: (lines: string) => void;
  #lines = '';
  #timer: NodeJS.Timeout | undefined;

  constructor(pass: (lines: string) => void) {
    this.#pass = pass;
  }

  /** The first after a pause goes on at once. @param line without its end */
  add(line: string): void {
    this.#lines += `${line}\n`;
    if (this.#timer === undefined || this.#lines.length >= MAX_LENGTH) this.flush();
    this.#timer ??= this.#wait();
  }

  /** Passes on what is there. */
  flush(): void {
    const lines = this.#lines;
    this.#lines = '';
    if (lines !== '') this.#pass(lines);
  }

  #wait(): NodeJS.Timeout {
    return setTimeout(() => {
      this.#timer = this.#lines === '' ? undefined : this.#wait();
      this.flush();
    }, WAIT_MS);
  }
}
