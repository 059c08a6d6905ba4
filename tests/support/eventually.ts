import { setTimeout as sleep } from 'node:timers/promises';

const PAUSE_MS = 5;
/** Room for a busy machine, and less than the limits of the gateway (60 s), which would bring about in the end what is due at once. */
const PATIENCE_MS = 30_000;

/** Waits until something is so. @throws with what was waited for, where it does not come in time */
export async function eventually(
  what: string,
  isSo: () => boolean | Promise<boolean>,
  timeoutMs = PATIENCE_MS,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
    await sleep(PAUSE_MS);
  }
}
