import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer } from './answer.ts';
import type { Identity } from './identity.ts';
import type { Target } from './target.ts';

/** One request that was read and judged, with the sockets that its handler may use. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly target: Target;
  /** What ties our log, Kapacitor's log and the client's answer together. */
  readonly requestId: string;
  /** The address of the socket's peer. */
  readonly clientAddress: string;
  readonly https: boolean;
  /** Tells a client that sent `Expect: 100-continue` to go on; does nothing otherwise. */
  readonly sendContinue: () => void;
  /** Kapacitor's own id of the request, for the log. */
  readonly noteUpstreamRequestId: (id: string) => void;
  /** Ends the response; what the client is still sending is drained first, so that it reads its answer. */
  readonly finish: () => void;
}

/**
 * Answers an allowed request: with a value that the listener writes, or with undefined once it has streamed an answer.
 * It demands an identity: nothing can be handled for nobody.
 */
export type Handler = (identity: Identity, exchange: Exchange) => Promise<Answer | undefined>;
