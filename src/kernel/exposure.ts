import { realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

const PERMISSIONS = 0o7777;
const OTHERS_READ = 0o004;
const OTHERS_WRITE = 0o002;
const OTHERS_ENTER = 0o001;

/**
 * What every user of the host can do with a file of secrets, as a sentence without its subject; undefined where they
 * can do nothing: by its mode, or as they cannot enter a directory above it. Its group was chosen by somebody, and is
 * not judged: neither is it known who is in it.
 */
export function exposureOf(path: string): string | undefined {
  try {
    const real = realpathSync(path);
    const stats = statSync(real);
    const canRead = (stats.mode & OTHERS_READ) !== 0;
    const canWrite = (stats.mode & OTHERS_WRITE) !== 0;
    if (!stats.isFile() || !(canRead || canWrite) || !isReachable(real)) return undefined;
    const octal = (stats.mode & PERMISSIONS).toString(8).padStart(4, '0');
    const does = [...(canRead ? ['read'] : []), ...(canWrite ? ['write'] : [])].join(' and ');
    return `every user of this host can ${does} it (mode ${octal})`;
  } catch {
    // Whoever goes on to read it is told why it cannot be.
    return undefined;
  }
}

function isReachable(path: string): boolean {
  const directory = dirname(path);
  if ((statSync(directory).mode & OTHERS_ENTER) === 0) return false;
  return directory === path || isReachable(directory);
}
