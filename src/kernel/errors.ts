import { isNativeError } from 'node:util/types';

/** How loudly an end is told: client gone is debug, upstream gone is warn, our own fault is error. */
export type ErrorLevel = 'debug' | 'info' | 'warn' | 'error';

interface ErrorRow {
  readonly status: number;
  /** The client's words where the place of the error has none of its own. */
  readonly words: string;
  readonly level: ErrorLevel;
  /** It may pass by itself: on a write it is never told as a 4xx, at which Telegraf drops the batch. */
  readonly temporary?: true;
}

/** Every refusal and failure of the gateway: one row each, a closed list. */
export const ERRORS = {
  'bad-target': { status: 400, words: 'the request target cannot be read', level: 'info' },
  'bad-framing': { status: 400, words: 'the request is not framed as HTTP/1.1', level: 'info' },
  'bad-request': { status: 400, words: 'invalid JSON', level: 'info' },
  unauthorized: { status: 401, words: 'authorization failed', level: 'info' },
  forbidden: { status: 403, words: 'not allowed', level: 'info' },
  'cross-site': {
    status: 403,
    words: 'cross-site request refused',
    level: 'info',
  },
  'not-found': { status: 404, words: 'Not Found', level: 'info' },
  'no-such-user': { status: 404, words: 'no user exists', level: 'info' },
  'users-kept-elsewhere': {
    status: 405,
    words: 'users are kept by the InfluxDB Enterprise meta node: change them there',
    level: 'info',
  },
  'slow-client': {
    status: 408,
    words: 'the request body stopped arriving',
    level: 'info',
    temporary: true,
  },
  'user-exists': { status: 409, words: 'user already exists', level: 'info' },
  'last-admin': {
    status: 409,
    words: 'the last admin can be neither deleted nor demoted: make another admin first',
    level: 'info',
  },
  'body-too-large': { status: 413, words: 'the request body is too large', level: 'info' },
  'bad-expectation': { status: 417, words: 'only Expect: 100-continue is known', level: 'info' },
  'headers-too-large': { status: 431, words: 'the request headers are too large', level: 'info' },
  throttled: {
    status: 429,
    words: 'too many failed logins, try again later',
    level: 'info',
    temporary: true,
  },
  /** nginx's number for it; nobody is left to read it but the log. */
  'client-gone': { status: 499, words: 'the client went away', level: 'debug' },
  internal: { status: 500, words: 'internal error of the gateway', level: 'error' },
  'upstream-unreachable': { status: 502, words: 'Kapacitor cannot be reached', level: 'warn' },
  'upstream-broken': { status: 502, words: 'Kapacitor broke off its answer', level: 'warn' },
  /** A 4xx in Go's server: there Telegraf would throw away what it could send once its URL is mended. */
  'https-only': {
    status: 503,
    words: 'this port speaks HTTPS, not HTTP',
    level: 'info',
    temporary: true,
  },
  'certificate-outdated': {
    status: 503,
    words: 'other authorities count for client certificates now: connect again',
    level: 'info',
    temporary: true,
  },
  overloaded: {
    status: 503,
    words: 'the gateway is at its limit, try again',
    level: 'warn',
    temporary: true,
  },
  'directory-unavailable': {
    status: 503,
    words: 'nobody can say who the user is at the moment, try again',
    level: 'error',
    temporary: true,
  },
  'upstream-timeout': { status: 504, words: 'Kapacitor did not answer in time', level: 'warn' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

interface ErrorDetails {
  /** The client's words; by default those of the row. */
  readonly message?: string;
  readonly cause?: unknown;
  /** When the same request may pass, where that is known. */
  readonly retryAfterMs?: number;
}

/** A refusal or failure that the client is told: its code decides the status. */
export class GatewayError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;

  constructor(code: ErrorCode, details: ErrorDetails = {}) {
    super(details.message ?? ERRORS[code].words, { cause: details.cause });
    this.name = 'GatewayError';
    this.code = code;
    this.retryAfterMs = details.retryAfterMs;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get level(): ErrorLevel {
    return ERRORS[this.code].level;
  }

  /** True where the same request may pass a moment later. */
  get temporary(): boolean {
    const row: ErrorRow = ERRORS[this.code];
    return row.temporary === true;
  }
}

/** The message of anything thrown: for logs, never for clients. */
export function messageOf(thrown: unknown): string {
  return isNativeError(thrown) ? thrown.message : String(thrown);
}
