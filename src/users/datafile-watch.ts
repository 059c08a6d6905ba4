import { statSync } from 'node:fs';
import { join } from 'node:path';
import { DATA_FILE } from './datafile.ts';

/** Tells whether the data file is still the one that was opened, and has not lost its end. */
export interface DataFileWatch {
  /**
   * To be called before the store is read or written. LMDB maps the file: to read what was cut off would end the process
   * (SIGBUS), and a file that was taken away would be gone on with, unseen by every other process.
   * @throws from the first time on where it is not so: what LMDB knows of the old file does not fit another
   */
  check(): void;
}

/** @param path the directory in which LMDB has just opened the data file */
export function watchDataFile(path: string): DataFileWatch {
  const file = join(path, DATA_FILE);
  const opened = statSync(file);
  let largest = opened.size;
  let fault: string | undefined;
  return {
    check: () => {
      if (fault === undefined) {
        const now = statSync(file, { throwIfNoEntry: false });
        // LMDB never makes it shorter.
        if (now?.ino === opened.ino && now.dev === opened.dev && now.size >= largest) {
          largest = now.size;
          return;
        }
        fault = faultOf(now, opened);
      }
      throw new Error(fault);
    },
  };
}

interface Place {
  readonly ino: number;
  readonly dev: number;
}

function faultOf(now: Place | undefined, opened: Place): string {
  if (now === undefined) {
    return `${DATA_FILE} was taken away while it was open: put it back, and restart`;
  }
  return now.ino === opened.ino && now.dev === opened.dev
    ? `${DATA_FILE} was cut off while it was open: stop, put it back from a backup, and start`
    : `another ${DATA_FILE} stands in the place of the one that was open: restart to go on with it`;
}
