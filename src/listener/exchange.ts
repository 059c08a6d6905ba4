import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ErrorCode } from '../kernel/errors.ts';
import type { Certified, Exchange, Judgement, Presented, WouldBe } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import type { Target } from '../kernel/target.ts';
import { finishResponse } from './linger.ts';

interface Facts {
  readonly certificateNow: () => Certified | undefined;
  readonly clientAddress: string;
  readonly expectsContinue: boolean;
  readonly https: boolean;
  readonly startedMs: number;
}

/** The exchange that the listener opens for each request. */
export class RequestExchange implements Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
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
  private awaitsContinue: boolean;

  constructor(request: IncomingMessage, response: ServerResponse, facts: Facts) {
    this.request = request;
    this.response = response;
    this.requestId = requestIdOf(request);
    this.clientAddress = facts.clientAddress;
    this.https = facts.https;
    this.certificateNow = facts.certificateNow;
    this.startedMs = facts.startedMs;
    this.awaitsContinue = facts.expectsContinue;
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

  sendContinue(): void {
    if (!this.awaitsContinue) return;
    this.awaitsContinue = false;
    this.response.writeContinue();
  }

  finish(): void {
    finishResponse(this.request, this.response);
  }
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's `Request-Id` where it is one, else a new one. */
function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
