import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
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
import type { AccessRecord } from '../kernel/access-record.ts';
import type { Admission } from './admission.ts';
import { answerFor, unreadAnswer } from './answers.ts';
import type { Challenge } from './answers.ts';
import { checkFraming } from './framing.ts';
import { finishResponse } from './linger.ts';
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
  readonly https: boolean;
  /** Told of every failure that is not the client's: once, here. */
  readonly onFailure: (error: GatewayError, record: AccessRecord) => void;
}

/** One request from its head to the end of its answer. Never throws, never rejects. */
export type RequestPath = (
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
  record: AccessRecord,
) => Promise<void>;

export function createRequestPath(options: PathOptions): RequestPath {
  return async (request, response, expectsContinue, record) => {
    const sending = createSending(request, response, expectsContinue);
    // Node calls a bodiless request complete only after it has told of its head.
    await Promise.resolve();
    try {
      const answer = await answerRequest(options, request, response, record, sending);
      if (answer !== undefined) {
        writeAnswer(response, answer, record.requestId, sending.finish);
      }
    } catch (error) {
      fail(options, error, response, record, sending);
    }
  };
}

/** The way of a request, in the order in which it happens. */
async function answerRequest(
  { stages, https }: PathOptions,
  request: IncomingMessage,
  response: ServerResponse,
  record: AccessRecord,
  sending: Sending,
): Promise<Answer | undefined> {
  checkFraming(request);
  const reading = readTarget(request.method ?? '', request.url ?? '');
  if (reading.kind !== 'target') return unreadAnswer(reading, request.method ?? '');
  const { target } = reading;
  record.target = target;
  if (target.method === 'OPTIONS') return emptyAnswer(200);

  const credentials = readCredentials(request.headers.authorization, target.query);
  const identity =
    stages.admit(request, target, credentials) ??
    identityOf(await stages.authenticate(credentials), record);
  record.identity = identity;

  const decision = authorize(identity, requirementsOf(target));
  if (!decision.allowed) throw new GatewayError('forbidden', { message: decision.message });

  const { requestId, clientAddress } = record;
  return stages.route(target)(identity, {
    ...{ request, response, target, requestId, clientAddress, https },
    ...sending,
    noteUpstreamRequestId: (id) => {
      record.upstreamRequestId = id;
    },
  });
}

function identityOf(authentication: Authentication, record: AccessRecord): Identity {
  if (authentication.kind === 'known') return authentication.identity;
  record.claimed = authentication.claimed;
  throw new GatewayError('unauthorized', { message: authentication.message });
}

/** Errors become answers here and nowhere else. */
function fail(
  options: PathOptions,
  error: unknown,
  response: ServerResponse,
  record: AccessRecord,
  sending: Sending,
): void {
  const known =
    error instanceof GatewayError ? error : new GatewayError('internal', { cause: error });
  record.reason = known.message;
  if (known.level !== 'info') options.onFailure(known, record);
  if (response.headersSent || response.destroyed) {
    cut(response);
    return;
  }
  const answer = answerFor(known, record.target, response.req.headers, options.challenge);
  writeAnswer(response, answer, record.requestId, sending.finish);
}

/** So that half an answer never looks whole: an orderly end of the connection would be one to an HTTP/1.0 client. */
function cut(response: ServerResponse): void {
  const { socket } = response.req;
  if (socket instanceof TLSSocket) socket.destroy();
  else socket.resetAndDestroy();
}

type Sending = Pick<Exchange, 'sendContinue' | 'finish'>;

function createSending(
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Sending {
  let awaitsContinue = expectsContinue;
  return {
    sendContinue: () => {
      if (!awaitsContinue) return;
      awaitsContinue = false;
      response.writeContinue();
    },
    finish: () => {
      finishResponse(request, response);
    },
  };
}

const REQUEST_ID = /^[A-Za-z0-9._-]{1,128}$/;

/** The client's `Request-Id` where it is one, else a new one. */
export function requestIdOf(request: IncomingMessage): string {
  const given = request.headers['request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : randomUUID();
}
