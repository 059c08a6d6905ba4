import type { Database } from './database.ts';

/** When each secret was last used, by the hash of the secret. */
export interface SubscriptionUses {
  /** Costs next to nothing: what is noted is kept, and written once a minute at the most. */
  note(hash: string): void;
  /** Milliseconds since 1970, as it is written; undefined: never. */
  lastOf(hash: string): number | undefined;
  /** Inside a transaction: what was known of a secret that has ended. */
  forget(hash: string): void;
  /** Writes what is noted. */
  close(): Promise<void>;
}

const PREFIX = 'subscription-use:';
/** A commit waits for the disk, and thousands of writes a second are to be noted. */
const INTERVAL_MS = 60_000;

/** A disk that takes nothing loses no more than these times: it must not stop requests, and the next minute tries again. */
export function createSubscriptionUses(
  database: Database,
  now: () => number,
  intervalMs = INTERVAL_MS,
): SubscriptionUses {
  const noted = new Map<string, number>();
  let timer: NodeJS.Timeout | undefined;
  let writtenMs = -Infinity;

  const lastOf = (hash: string): number | undefined => {
    const stored = database.further(PREFIX + hash);
    return stored?.byteLength === 8 ? Buffer.from(stored).readDoubleLE(0) : undefined;
  };
  const write = async (): Promise<void> => {
    timer = undefined;
    writtenMs = now();
    const uses = [...noted];
    noted.clear();
    try {
      await database.write(() => {
        for (const [hash, usedMs] of uses) {
          if (usedMs > (lastOf(hash) ?? 0)) database.note(PREFIX + hash, encodeTime(usedMs));
        }
      });
    } catch {
      for (const [hash, usedMs] of uses) if (!noted.has(hash)) noted.set(hash, usedMs);
    }
  };

  return {
    note: (hash) => {
      const usedMs = now();
      noted.set(hash, usedMs);
      // The first use after a pause is written at once: who has just changed a URL is waiting for it.
      timer ??= setTimeout(
        () => void write(),
        Math.min(intervalMs, Math.max(0, writtenMs + intervalMs - usedMs)),
      ).unref();
    },
    lastOf,
    forget: (hash) => {
      noted.delete(hash);
      database.note(PREFIX + hash, undefined);
    },
    close: async () => {
      clearTimeout(timer);
      if (noted.size > 0) await write();
    },
  };
}

function encodeTime(ms: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(ms);
  return bytes;
}
