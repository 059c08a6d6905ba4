import type { Answer } from './answer.ts';
import type { CertificateReading } from './client-certificate.ts';
import type { ClientRequest } from './client-request.ts';
import type { ClientResponse } from './client-response.ts';
import type { ErrorCode } from './errors.ts';
import type { AuthenticationMethod, Identity } from './identity.ts';
import type { Target } from './target.ts';

/** How credentials were given, believed or not. */
export type Presented = AuthenticationMethod | 'none' | 'unreadable';

/**
 * What came of judging a request. `unread`: it could not be read in one way only. `unjudged`: it is answered to
 * everybody. `unknown`: nobody has said, or nobody could say, who sent it. `cross-site`: a page of another site had a
 * browser send it.
 */
export type Judgement =
  | 'unread'
  | 'unjudged'
  | 'unknown'
  | 'cross-site'
  | 'throttled'
  | 'unauthorized'
  | 'forbidden'
  | 'allowed';

/** What a closed gate would have answered to a request that a rehearsal lets pass. */
export interface WouldBe {
  readonly status: number;
  readonly message: string;
}

/** What a client certificate proves; `outdated`: other authorities count by now than those it was looked at with. */
export type Certified = CertificateReading | { readonly kind: 'outdated' };

/** One request on its way and its answer: the sockets that a handler may use, and what the log will say of it. */
export interface Exchange {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  /** What ties our log, Kapacitor's log and the client's answer together. */
  readonly requestId: string;
  /** The address of the socket's peer, or of the client behind trusted proxies. */
  readonly clientAddress: string;
  /** Whether nobody is there any more who could read the answer. */
  readonly hasGone: boolean;
  /** Whether the client has ended its side of the connection, as most do that have gone; who has gone has ended it too. */
  readonly hasEnded: boolean;
  readonly https: boolean;
  /** At the moment it is asked for; undefined where the client has shown none. */
  readonly certificate: Certified | undefined;
  /** Milliseconds since 1970. */
  readonly startedMs: number;

  // Filled in along the way. None of it ever holds a credential.
  target: Target | undefined;
  identity: Identity | undefined;
  /** The name that was claimed where nobody was identified. */
  claimed: string;
  presented: Presented;
  judgement: Judgement;
  wouldBe: WouldBe | undefined;
  /** Why it was refused, or how it failed; "" where neither happened. */
  reason: string;
  /** The same as a row of ERRORS. */
  failure: ErrorCode | undefined;
  /** Kapacitor's own id of the request. */
  upstreamRequestId: string;
  /** What every answer to it tells browsers, beside the headers of its own. */
  corsHeaders: Readonly<Record<string, string>> | undefined;

  /** Ends the response; what the client is still sending is drained first, so that it reads its answer. */
  finish(): void;
}

/**
 * Answers an allowed request: with a value that the listener writes, or with undefined once it has streamed an answer.
 * It demands an identity: nothing can be handled for nobody.
 */
export type Handler = (
  identity: Identity,
  target: Target,
  exchange: Exchange,
) => Promise<Answer | undefined>;
