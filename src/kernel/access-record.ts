import type { Identity } from './identity.ts';
import type { Target } from './target.ts';

/** What is known of one request, filled in along its way. It never holds a credential. */
export interface AccessRecord {
  readonly requestId: string;
  readonly clientAddress: string;
  readonly userAgent: string;
  readonly method: string;
  readonly httpVersion: string;
  readonly startedMs: number;
  target: Target | undefined;
  identity: Identity | undefined;
  /** The name that was claimed where nobody was identified. */
  claimed: string;
  /** Why it was refused, or how it failed; "" where neither happened. */
  reason: string;
  upstreamRequestId: string;
}
