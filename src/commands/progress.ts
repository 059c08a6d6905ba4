import type { Terminal } from './terminal.ts';

/** Says now and then how far something long has come. */
export interface Progress {
  /** `total` is undefined where nobody knows. */
  readonly step: (done: number, total?: number) => void;
  /** Takes the line away. */
  readonly end: () => void;
}

const FIRST_AFTER_MS = 1000;
const EVERY_MS = 200;

/** One line on standard error that is written anew; nothing where nobody looks, or where it is over soon. */
export function createProgress(
  { isInteractive, err }: Pick<Terminal, 'isInteractive' | 'err'>,
  what: string,
  now: () => number = Date.now,
): Progress {
  let next = now() + FIRST_AFTER_MS;
  let isShown = false;
  return {
    step: (done, total) => {
      if (!isInteractive || now() < next) return;
      next = now() + EVERY_MS;
      isShown = true;
      err(`\r\u001b[K${what}: ${done}${total === undefined ? '' : ` of ${total}`}`);
    },
    end: () => {
      if (isShown) err('\r\u001b[K');
    },
  };
}
