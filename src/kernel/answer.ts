import { goJson } from './go-text.ts';

/** An answer made by the gateway itself, as a value: the listener has the one writer of it. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

const JSON_HEADERS = { 'Content-Type': 'application/json; charset=utf-8' } as const;

/** A JSON answer in Kapacitor's form: pretty from the users API and for 404, compact for refusals. */
export function jsonAnswer(status: number, value: unknown, style: 'compact' | 'pretty'): Answer {
  return { status, headers: JSON_HEADERS, body: goJson(value, style) };
}

/** An error in Kapacitor 1.8's form, where `message` repeats `error` (services/httpd/handler.go HttpError). */
export function errorAnswer(status: number, message: string, style: 'compact' | 'pretty'): Answer {
  return jsonAnswer(status, { error: message, message }, style);
}

/** An answer without a body. */
export function emptyAnswer(status: number): Answer {
  return { status, headers: {}, body: '' };
}
