import { errorAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import { ERRORS } from '../kernel/errors.ts';
import type { ErrorCode } from '../kernel/errors.ts';

/** 400 in Kapacitor's form. */
export function badRequest(message: string): Answer {
  return errorAnswer(400, message, 'pretty');
}

/** Kapacitor's 404 for what is no route. */
export function notFound(): Answer {
  return refusal('not-found');
}

/** A row of ERRORS as the users API tells it; `words` in place of its own. */
export function refusal(code: ErrorCode, words: string = ERRORS[code].words): Answer {
  return errorAnswer(ERRORS[code].status, words, 'pretty');
}
