import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Authenticate, Authentication } from '../authenticate/authenticate.ts';
import { authorize } from '../authorize/authorize.ts';
import { requirementsOf } from '../authorize/requirements.ts';
import { readCredentials } from '../credentials/credentials.ts';
import { emptyAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import { GatewayError } from '../kernel/errors.ts';
import type { Exchange, Handler } from '../kernel/exchange.ts';
import type { Identity } from '../kernel/identity.ts';
import { readTarget } from '../kernel/target.ts';
import type { Target } from '../kernel/target.ts';
import type { Admission } from './admission.ts';
import { answerFor, unreadAnswer } from './answers.ts';
import type { Challenge } from './answers.ts';
import { checkFraming } from './framing.ts';
import { writeAnswer } from './write-answer.ts';

/** The stages behind the listener, as arguments: a test passes functions. */
export interface Stages {
  readonly authenticate: Authenticate;
  /** Who a request is from that needs no credentials here: an open gate, a free ping, the bootstrap. */
  readonly admit: Admission;
  /** Who answers an allowed request: the users API, or Kapacitor. */
  readonly route: (target: Target) => Handler;
}

interface PathOptions {
  readonly stages: Stages;
  readonly challenge: Challenge;
  /** Told of every failure that is not the client's: once, here. */
  readonly onFailure: (error: GatewayError, exchange: Exchange) => void;
}

/** One request from its head to the end of its answer. Never throws, never rejects. */
export type RequestPath = (exchange: Exchange) => Promise<void>;

export function createRequestPath(options: PathOptions): RequestPath {
  return async (exchange) => {
    try {
      const answer = await answerRequest(options.stages, exchange);
      if (answer !== undefined) writeAnswer(exchange, answer);
    } catch (error) {
      fail(options, error, exchange);
    }
  };
}

/** The way of a request, in the order in which it happens. */
async function answerRequest(stages: Stages, exchange: Exchange): Promise<Answer | undefined> {
  const { request } = exchange;
  checkFraming(request);
  const reading = readTarget(request.method ?? '', request.url ?? '');
  if (reading.kind !== 'target') return unreadAnswer(reading, request.method ?? '');
  const { target } = reading;
  exchange.target = target;
  if (target.method === 'OPTIONS') return emptyAnswer(200);

  const credentials = readCredentials(request.headers.authorization, target.query);
  const identity =
    stages.admit(request, target, credentials) ??
    identityOf(await stages.authenticate(credentials), exchange);
  exchange.identity = identity;

  const decision = authorize(identity, requirementsOf(target));
  if (!decision.allowed) throw new GatewayError('forbidden', { message: decision.message });
  return stages.route(target)(identity, target, exchange);
}

function identityOf(authentication: Authentication, exchange: Exchange): Identity {
  if (authentication.kind === 'known') return authentication.identity;
  exchange.claimed = authentication.claimed;
  throw new GatewayError('unauthorized', { message: authentication.message });
}

/** Errors become answers here and nowhere else. */
function fail({ challenge, onFailure }: PathOptions, error: unknown, exchange: Exchange): void {
  const known =
    error instanceof GatewayError ? error : new GatewayError('internal', { cause: error });
  exchange.reason = known.message;
  if (known.level !== 'info') onFailure(known, exchange);
  const { request, response, target } = exchange;
  if (response.headersSent || response.destroyed) cut(request.socket);
  else writeAnswer(exchange, answerFor(known, target, request.headers, challenge));
}

/** So that half an answer never looks whole: an orderly end of the connection would be one to an HTTP/1.0 client. */
function cut(socket: Socket): void {
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}
