import { stat } from 'node:fs/promises';
import { messageOf } from '../kernel/errors.ts';

export interface FileWatch {
  stop(): void;
}

interface WatchOptions {
  readonly paths: readonly string[];
  readonly intervalMs: number;
  /** Called once for each change, when the files have come to rest. */
  readonly onChange: () => void;
}

/**
 * Looks at files every few seconds. Not by inotify: that sees no change behind a symbolic link, as certificates of
 * containers are swapped, nor on a network file system. A change is told when two looks in a row have found the same,
 * so that a key that is written a moment after its certificate is not met half way.
 */
export function watchFiles({ paths, intervalMs, onChange }: WatchOptions): FileWatch {
  let isStopped = false;
  let told: string | undefined;
  let last: string | undefined;
  let isLooking = false;
  const look = async (): Promise<void> => {
    if (isLooking) return;
    isLooking = true;
    const now = await stampOf(paths);
    isLooking = false;
    if (isStopped) return;
    const isAtRest = now === last;
    last = now;
    told ??= now;
    if (now === told || !isAtRest) return;
    told = now;
    onChange();
  };
  void look();
  const timer = setInterval(() => void look(), intervalMs);
  timer.unref();
  return {
    stop: () => {
      isStopped = true;
      clearInterval(timer);
    },
  };
}

async function stampOf(paths: readonly string[]): Promise<string> {
  return (await Promise.all(paths.map(stampOfOne))).join('\n');
}

async function stampOfOne(path: string): Promise<string> {
  try {
    const { mtimeMs, ctimeMs, size, ino, dev } = await stat(path);
    return [mtimeMs, ctimeMs, size, ino, dev].join(' ');
  } catch (error) {
    return messageOf(error);
  }
}
