import { emptyAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import type { GatewayError } from '../kernel/errors.ts';
import type { Exchange, Handler } from '../kernel/exchange.ts';
import { isUsersApi } from '../kernel/routes.ts';
import { readTarget } from '../kernel/target.ts';
import type { Target } from '../kernel/target.ts';
import { answerFor, unreadAnswer } from './answers.ts';
import type { Challenge } from './answers.ts';
import type { Cors } from './cors.ts';
import { checkFraming } from './framing.ts';
import { failureOf, judge, rehearse } from './judge.ts';
import type { Judges } from './judge.ts';
import { cut } from './linger.ts';
import { writeAnswer } from './write-answer.ts';

/** The stages behind the listener, as arguments: a test passes functions. */
export interface Stages extends Judges {
  /** Who answers an allowed request: the users API, or Kapacitor. */
  readonly route: (target: Target) => Handler;
}

interface PathOptions {
  readonly stages: Stages;
  readonly challenge: Challenge;
  readonly cors: Cors;
  /** All is judged and everybody passes, but to the users API. */
  readonly observe: boolean;
  /** Told of every failure that is not the client's: once, here. */
  readonly onFailure: (error: GatewayError, exchange: Exchange) => void;
}

/** One request from its head to the end of its answer. Never throws, never rejects. */
export type RequestPath = (exchange: Exchange) => Promise<void>;

export function createRequestPath(options: PathOptions): RequestPath {
  return async (exchange) => {
    try {
      const answer = await answerRequest(options, exchange);
      if (answer !== undefined) writeAnswer(exchange, answer);
    } catch (error) {
      fail(options, error, exchange);
    }
  };
}

/** The way of a request, in the order in which it happens. */
async function answerRequest(
  options: PathOptions,
  exchange: Exchange,
): Promise<Answer | undefined> {
  const { request } = exchange;
  exchange.corsHeaders = options.cors.headersFor(request);
  checkFraming(request);
  const reading = readTarget(request.method, request.url);
  if (reading.kind === 'redirect') exchange.judgement = 'unjudged';
  if (reading.kind !== 'target') return unreadAnswer(reading, request.method);
  const { target } = reading;
  exchange.target = target;
  exchange.judgement = 'unjudged';
  if (target.method === 'OPTIONS') {
    return { ...emptyAnswer(200), headers: options.cors.preflightFor(request) };
  }

  const { stages } = options;
  const identity =
    options.observe && !isUsersApi(target)
      ? await rehearse(stages, target, exchange, (error) => tell(options, error, exchange))
      : await judge(stages, target, exchange);
  return stages.route(target)(identity, target, exchange);
}

/** What framing.ts refuses: it stops at the first fault, and an unknown expectation may stand before another. */
const ENDING: ReadonlySet<GatewayError['code']> = new Set(['bad-framing', 'bad-expectation']);

/** Errors become answers here and nowhere else. */
function fail(options: PathOptions, thrown: unknown, exchange: Exchange): void {
  const error = failureOf(thrown, exchange);
  exchange.reason = error.message;
  exchange.failure = error.code;
  tell(options, error, exchange);
  const { request, response, target } = exchange;
  // Two readers may find the next request in two places (RFC 9112 §6.3).
  if (ENDING.has(error.code)) response.isLast = true;
  if (response.isBegun || response.isClosed) cut(request.socket);
  else writeAnswer(exchange, answerFor(error, target, request.headers, options.challenge));
}

function tell({ onFailure }: PathOptions, error: GatewayError, exchange: Exchange): void {
  if (error.level !== 'info') onFailure(error, exchange);
}
