/** Large enough that a write costs nothing beside what is written. */
const CHUNK_CHARACTERS = 64 * 1024;

/** Lines put together to texts of some 64 KiB. */
export function* inChunks(lines: Iterable<string>): Iterable<string> {
  let waiting = '';
  for (const line of lines) {
    waiting += `${line}\n`;
    if (waiting.length < CHUNK_CHARACTERS) continue;
    yield waiting;
    waiting = '';
  }
  if (waiting !== '') yield waiting;
}
