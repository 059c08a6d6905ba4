import type { Log } from '../kernel/log.ts';
import { Pace } from './pace.ts';

/** What tells an operator the next step where requests are refused for want of any user. */
export interface RefusalHints {
  noteUnauthorized(): void;
}

/** @param adviceNow the next step as things stand, undefined where users are not what is missing */
export function createRefusalHints(
  log: Log,
  adviceNow: () => string | undefined,
  now: () => number,
): RefusalHints {
  const pace = new Pace(now);
  return {
    noteUnauthorized: () => {
      if (!pace.isDue()) return;
      const advice = adviceNow();
      if (advice === undefined) return;
      pace.told();
      log.warn(`requests are refused and there is no admin yet: ${advice}`);
    },
  };
}
