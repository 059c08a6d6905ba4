import { randomUUID } from 'node:crypto';
import type { ClientRequest } from '../kernel/client-request.ts';
import type { ClientResponse } from '../kernel/client-response.ts';
import type { ErrorCode } from '../kernel/errors.ts';
import type { Certified, Exchange, Judgement, Presented, WouldBe } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Target } from '../kernel/target.ts';
import { finishResponse } from './linger.ts';

interface Facts {
  readonly certificateNow: () => Certified | undefined;
  readonly clientAddress: string;
  readonly https: boolean;
  readonly startedMs: number;
}

/** The exchange that the listener opens for each request. */
export class RequestExchange implements Exchange {
  readonly request: ClientRequest;
  readonly response: ClientResponse;
  readonly requestId: string;
  readonly clientAddress: string;
  readonly https: boolean;
  readonly startedMs: number;
  target: Target | undefined = undefined;
  identity: Identity | undefined = undefined;
  claimed = '';
  presented: Presented = 'none';
  judgement: Judgement = 'unread';
  wouldBe: WouldBe | undefined = undefined;
  reason = '';
  failure: ErrorCode | undefined = undefined;
  upstreamRequestId = '';
  corsHeaders: Readonly<Record<string, string>> | undefined = undefined;
  private readonly certificateNow: () => Certified | undefined;

  constructor(request: ClientRequest, response: ClientResponse, facts: Facts) {
    this.request = request;
    this.response = response;
    this.requestId = requestIdOf(request);
    this.clientAddress = facts.clientAddress;
    this.https = facts.https;
    this.certificateNow = facts.certificateNow;
    this.startedMs = facts.startedMs;
  }

  get certificate(): Certified | undefined {
    return this.certificateNow();
  }

  get hasGone(): boolean {
    return this.request.socket.destroyed;
  }

  get hasEnded(): boolean {
    const { socket } = this.request;
    return socket.destroyed || socket.readableEnded;
  }

  finish(): void {
    finishResponse(this.request, this.response);
  }
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's `Request-Id` where it is one, else a new one. */
function requestIdOf({ headers }: ClientRequest): string {
  const given = headers['request-id'];
  return given !== undefined && REQUEST_ID.test(given) ? given : randomUUID();
}
