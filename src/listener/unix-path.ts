import { lstatSync, unlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { messageOf } from '../kernel/errors.ts';

/** A place cannot be listened on: a sentence for the operator. */
export class PlaceError extends Error {
  constructor(place: string, why: unknown) {
    super(`cannot listen on ${place}: ${messageOf(why)}`, { cause: why });
    this.name = 'PlaceError';
  }
}

/** As it is named in sentences. */
export function unixPlace(path: string): string {
  return `the Unix socket "${path}"`;
}

/** What fits into the kernel's sockaddr_un; a longer one would be cut off in silence. */
const MAX_PATH_BYTES = 107;

/**
 * Takes away the socket that a killed process left at a path. One on which somebody answers, and what is no socket,
 * stays: it is somebody's.
 * @throws PlaceError
 */
export async function makeRoomFor(path: string): Promise<void> {
  const place = unixPlace(path);
  const bytes = Buffer.byteLength(path);
  if (bytes > MAX_PATH_BYTES) {
    throw new PlaceError(place, `the path has ${bytes} bytes, ${MAX_PATH_BYTES} at most`);
  }
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (!stats.isSocket()) throw new PlaceError(place, 'something that is no socket is there');
  if (await isAnswered(path)) throw new PlaceError(place, 'another process listens on it');
  try {
    unlinkSync(path);
  } catch (error) {
    throw new PlaceError(place, error);
  }
}

/** Only a refused connection says that nobody is there: who may not connect, or finds a full queue, cannot know. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', ({ code }: NodeJS.ErrnoException) => {
      resolve(code !== 'ECONNREFUSED' && code !== 'ENOENT');
    });
  });
}
