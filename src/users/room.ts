import { statfs } from 'node:fs/promises';

/** A change writes some ten pages of 4 KiB, more where the file has to grow. */
const LITTLE_BYTES = 1024 * 1024;

/**
 * Says that the disk of the store has next to no room left, before a change or after it failed: users are still read
 * then, and can be neither changed nor added. Undefined where there is room, or nobody can say.
 */
export async function lackOfRoom(path: string): Promise<string | undefined> {
  try {
    const { bavail, bsize } = await statfs(path);
    const free = bavail * bsize;
    if (free >= LITTLE_BYTES) return undefined;
    return `${Math.floor(free / 1024)} KiB are free on its disk: users cannot be changed until there is room`;
  } catch {
    return undefined;
  }
}
