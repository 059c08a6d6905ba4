import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 5;

/** Waits until something is so. @throws with what was waited for, where it does not come in time */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(PAUSE_MS);
  }
}
