import { emptyAnswer, errorAnswer } from '../kernel/answer.ts';
import type { Answer } from '../kernel/answer.ts';
import type { RequestHeaders } from '../kernel/client-request.ts';
import { GatewayError } from '../kernel/errors.ts';
import { isWrite } from '../kernel/routes.ts';
import type { Target, TargetReading } from '../kernel/target.ts';

/** Whether a 401 asks for Basic credentials: always, never, or ("auto") not in a browser, where a box would pop up. */
export type Challenge = 'auto' | boolean;

const CHALLENGE = 'Basic realm="Kapacitor", charset="UTF-8"';
/** How soon a client should come again after what is temporary, where nobody knows better. */
const RETRY_AFTER_MS = 1_000;

/** The answer to a refusal or failure, in Kapacitor's form. */
export function answerFor(
  error: GatewayError,
  target: Target | undefined,
  headers: RequestHeaders,
  challenge: Challenge,
): Answer {
  const style = error.code === 'not-found' ? 'pretty' : 'compact';
  const answer = errorAnswer(statusFor(error, target), error.message, style);
  return {
    ...answer,
    headers: {
      ...answer.headers,
      ...(error.code === 'unauthorized' && asksFor(challenge, headers)
        ? { 'WWW-Authenticate': CHALLENGE }
        : {}),
      ...(error.temporary ? { 'Retry-After': secondsUntilRetry(error) } : {}),
    },
  };
}

/** What is answered to a request whose target is not one to be judged: before authentication, as Kapacitor does. */
export function unreadAnswer(
  reading: Exclude<TargetReading, { kind: 'target' }>,
  method: string,
): Answer {
  switch (reading.kind) {
    case 'redirect':
      return redirect(reading.location, method);
    case 'unknown-method':
      return errorAnswer(404, 'Not Found', 'pretty');
    case 'refused':
      throw new GatewayError('bad-target', { message: reading.why });
  }
}

/** What is temporary is never a 4xx on a write: Telegraf drops the batch for good at one, InfluxDB never repeats. */
export function statusFor(error: GatewayError, target: Target | undefined): number {
  const isTemporaryRefusal = error.temporary && error.status < 500;
  return isTemporaryRefusal && target !== undefined && isWrite(target) ? 503 : error.status;
}

function secondsUntilRetry({ retryAfterMs = RETRY_AFTER_MS }: GatewayError): string {
  return String(Math.max(1, Math.ceil(retryAfterMs / 1000)));
}

function asksFor(challenge: Challenge, headers: RequestHeaders): boolean {
  if (challenge !== 'auto') return challenge;
  return headers['user-agent']?.startsWith('Mozilla/') !== true;
}

/** As Go's http.Redirect writes it: a line of HTML for GET, its type for HEAD, nothing for the others. */
function redirect(location: string, method: string): Answer {
  const answer = { ...emptyAnswer(301), headers: { Location: location } };
  if (method !== 'GET' && method !== 'HEAD') return answer;
  return {
    ...answer,
    headers: { ...answer.headers, 'Content-Type': 'text/html; charset=utf-8' },
    body: method === 'GET' ? `<a href="${escapeHtml(location)}">Moved Permanently</a>.\n\n` : '',
  };
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character);
}
