import { GatewayError } from '../kernel/errors.ts';
import type { Exchange } from '../kernel/exchange.ts';

/** Whether a request that was let in would be let in now; true where nobody can say. Never rejects. */
export type StillAllowed = (exchange: Exchange) => Promise<boolean>;

/** What goes on without end. */
interface Stream {
  giveUp(error: GatewayError): void;
}

interface RecheckOptions {
  readonly stillAllowed: StillAllowed;
  readonly now: () => number;
  /** How often is looked at whose turn it is. */
  readonly intervalMs?: number;
}

/** Ends streams whose readers have lost the right to them since they began. */
export interface Recheck {
  watch(stream: Stream, exchange: Exchange): void;
  forget(stream: Stream): void;
  stop(): void;
}

/**
 * Who is deleted should not read on for long. Each time costs what a request with the same credentials does: nothing
 * worth the name from the cache, a comparison once it is empty; and there are few streams.
 */
const RECHECK_MS = 30_000;
const INTERVAL_MS = 1_000;

export function createRecheck({ stillAllowed, now, intervalMs }: RecheckOptions): Recheck {
  const watched = new Map<Stream, { readonly exchange: Exchange; dueMs: number }>();

  const ask = async (stream: Stream, exchange: Exchange): Promise<void> => {
    const isAllowed = await stillAllowed(exchange);
    const watch = watched.get(stream);
    if (watch === undefined) return;
    watch.dueMs = now() + RECHECK_MS;
    if (isAllowed) return;
    watched.delete(stream);
    const message = 'the reader of the log stream lost the right to it';
    stream.giveUp(new GatewayError('forbidden', { message }));
  };

  const timer = setInterval(() => {
    for (const [stream, watch] of watched) {
      if (now() < watch.dueMs) continue;
      // Until it is answered, however long that takes.
      watch.dueMs = Infinity;
      void ask(stream, watch.exchange);
    }
  }, intervalMs ?? INTERVAL_MS);
  timer.unref();

  return {
    watch: (stream, exchange) => {
      watched.set(stream, { exchange, dueMs: now() + RECHECK_MS });
    },
    forget: (stream) => {
      watched.delete(stream);
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}
