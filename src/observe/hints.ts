import type { Log } from '../kernel/log.ts';

/** What tells an operator the next step where requests are refused for want of any user. */
export interface RefusalHints {
  noteUnauthorized(): void;
}

/** Not for every refused request: the operator reads it once a minute at the most. */
const INTERVAL_MS = 60_000;

export function createRefusalHints(log: Log, isWithoutAdmin: () => boolean): RefusalHints {
  let hintedMs = -Infinity;
  return {
    noteUnauthorized: () => {
      const now = performance.now();
      if (now - hintedMs < INTERVAL_MS || !isWithoutAdmin()) return;
      hintedMs = now;
      log.warn(
        'requests are refused and there is no admin yet: make one with "kapgate users add NAME --admin"; or, within ' +
          '15 minutes of the start, on this host: curl -XPOST http://localhost:PORT/kapacitor/v1/users ' +
          `-d '{"name":"NAME","password":"PASSWORD","type":"admin"}'`,
      );
    },
  };
}
