import { rememberAmong } from '../kernel/header-names.ts';
import { BadMessage } from '../kernel/wire/bad-message.ts';
import type { BodyLength } from '../kernel/wire/body-reader.ts';
import { lengthIn, saysClose } from '../kernel/wire/framing.ts';
import { readHeaderLines } from '../kernel/wire/header-lines.ts';

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  /** "" where there is none. */
  readonly reason: string;
  /** Name and value in turn, as they were sent. */
  readonly headers: readonly string[];
  readonly body: BodyLength;
  /** How long the connection may be used again after this answer; 0: not at all. */
  readonly keepAliveMs: number;
}

/** Kapacitor keeps idle connections open for ever; a minute is enough to be reused under load. */
const KEEP_ALIVE_MS = 60_000;
/** An upstream that names its own time is not raced for the last second of it. */
const KEEP_ALIVE_MARGIN_MS = 1_000;
/** More than any server sends; each of them costs more than its bytes do. */
const MAX_HEADERS = 1_000;

const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: ([^\r]*))?\r\n/;

/**
 * Reads the head of an answer more strictly than RFC 9112 demands, as what two readers could frame differently may be
 * followed by an answer to somebody else's request: one Content-Length or one `Transfer-Encoding: chunked`, never both.
 * @param text of ISO-8859-1, up to the end of the blank line
 * @param method of the request: an answer to HEAD has no body, whatever it says
 * @throws BadMessage
 */
export function readAnswerHead(text: string, method: string): AnswerHead {
  const statusLine = STATUS_LINE.exec(text);
  if (statusLine === null) throw new BadMessage('the status line is none of HTTP/1.1');
  const [{ length: start }, minor, digits, reason = ''] = statusLine;
  const status = Number(digits);
  const { headers, said } = readHeaders(text, start);
  if (minor === '0' && said.coding !== undefined) {
    throw new BadMessage('HTTP/1.0 knows no Transfer-Encoding');
  }
  if (minor === '0' && status < 200) throw new BadMessage('HTTP/1.0 knows no interim answer');
  return {
    status,
    reason,
    headers,
    body: bodyOf(method, status, said),
    keepAliveMs: minor === '0' || said.isLast ? 0 : said.keepAliveMs,
  };
}

/** What the headers say of framing and connection. */
interface Said {
  length: number | undefined;
  coding: 'chunked' | undefined;
  isLast: boolean;
  keepAliveMs: number;
}

function readHeaders(
  text: string,
  start: number,
): { readonly headers: string[]; readonly said: Said } {
  const said: Said = {
    length: undefined,
    coding: undefined,
    isLast: false,
    keepAliveMs: KEEP_ALIVE_MS,
  };
  const headers = readHeaderLines(text, start);
  if (headers.length > 2 * MAX_HEADERS) throw new BadMessage('too many headers');
  for (let index = 0; index + 1 < headers.length; index += 2) {
    note(said, roleOf(headers[index] ?? ''), headers[index + 1] ?? '');
  }
  return { headers, said };
}

const roleOf = rememberAmong(['connection', 'content-length', 'keep-alive', 'transfer-encoding']);
type Role = ReturnType<typeof roleOf>;

function note(said: Said, role: Role, value: string): void {
  switch (role) {
    case 'other':
      return;
    case 'connection':
      said.isLast ||= saysClose(value);
      return;
    case 'content-length':
      // Equal ones too: a list of lengths is nobody's intention.
      if (said.length !== undefined) throw new BadMessage('more than one Content-Length');
      said.length = lengthIn(value);
      if (said.length === undefined) throw new BadMessage('a Content-Length that is no length');
      return;
    case 'transfer-encoding':
      if (value !== 'chunked' || said.coding !== undefined) {
        throw new BadMessage('a Transfer-Encoding other than "chunked"');
      }
      said.coding = value;
      return;
    case 'keep-alive':
      said.keepAliveMs = Math.min(said.keepAliveMs, keepAliveIn(value));
  }
}

function keepAliveIn(value: string): number {
  const seconds = /(?:^|[,\s])timeout=(\d{1,9})(?:$|[,\s])/i.exec(value)?.[1];
  if (seconds === undefined) return KEEP_ALIVE_MS;
  return Math.max(0, Number(seconds) * 1_000 - KEEP_ALIVE_MARGIN_MS);
}

/** RFC 9112 §6.3. */
function bodyOf(method: string, status: number, { length, coding }: Said): BodyLength {
  if (length !== undefined && coding !== undefined) {
    throw new BadMessage('a Content-Length beside a Transfer-Encoding');
  }
  if (status < 200 || status === 204) {
    const saysMore = coding !== undefined || (length ?? 0) > 0;
    if (saysMore) throw new BadMessage(`a body of an answer ${status}, which has none`);
    return 0;
  }
  if (method === 'HEAD' || status === 304) return 0;
  return coding ?? length ?? 'until-close';
}
