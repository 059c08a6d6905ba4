import type { Log } from '../kernel/log.ts';

/** What tells an operator the next step where requests are refused for want of any user. */
export interface RefusalHints {
  noteUnauthorized(): void;
}

/** Not for every refused request: the operator reads it once a minute at the most. */
const INTERVAL_MS = 60_000;

/** @param adviceNow the next step as things stand, undefined where users are not what is missing */
export function createRefusalHints(
  log: Log,
  adviceNow: () => string | undefined,
  now: () => number,
): RefusalHints {
  let hintedMs = -Infinity;
  return {
    noteUnauthorized: () => {
      if (now() - hintedMs < INTERVAL_MS) return;
      const advice = adviceNow();
      if (advice === undefined) return;
      hintedMs = now();
      log.warn(`requests are refused and there is no admin yet: ${advice}`);
    },
  };
}
