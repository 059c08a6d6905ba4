import type { ClientBodyLength } from '../kernel/client-request.ts';
import { rememberAmong } from '../kernel/header-names.ts';
import { BadMessage } from '../kernel/wire/bad-message.ts';
import { lengthIn, saysClose, saysKeepAlive } from '../kernel/wire/framing.ts';
import { forbidden, readHeaderLines } from '../kernel/wire/header-lines.ts';
import { refuseLooseLines } from '../kernel/wire/partial-head.ts';

/** The head of a request as it was read. */
export interface RequestHead {
  readonly method: string;
  readonly url: string;
  readonly httpVersion: string;
  readonly rawHeaders: readonly string[];
  readonly length: ClientBodyLength;
  /** True where the client's head, or a doubt about where the request ends, makes it the connection's last. */
  readonly isLast: boolean;
  readonly expectsContinue: boolean;
}

/** What a target may hold is judged later, in words that help (kernel/target.ts): here it only has to have an end. */
const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([^\x00-\x20\x7f]+) HTTP\/(\d\.\d)\r\n/;

/**
 * Reads the head of a request more strictly than RFC 9112 demands (no bare LF, no folded lines, one blank where one
 * belongs): what passes is read in the same way by Go's server and by Node's.
 * @param text of ISO-8859-1, up to the end of the blank line
 * @throws BadMessage
 */
export function readRequestHead(text: string): RequestHead {
  const line = REQUEST_LINE.exec(text);
  if (line === null) throw noRequestLine();
  const [{ length: start }, method = '', url = '', httpVersion = ''] = line;
  const rawHeaders = readHeaderLines(text, start);
  const said = readRoles(rawHeaders);
  const length = lengthOf(httpVersion, said);
  return {
    method,
    url,
    httpVersion,
    rawHeaders,
    length,
    isLast: length === 'unclear' || method === 'CONNECT' || !staysOpen(httpVersion, said),
    expectsContinue: httpVersion === '1.1' && said.expectsContinue,
  };
}

const roleOf = rememberAmong([
  'connection',
  'content-length',
  'expect',
  'transfer-encoding',
  'upgrade',
]);
type Role = ReturnType<typeof roleOf>;

/** What the headers say of framing and connection. */
interface Said {
  lengths: number;
  length: number | undefined;
  codings: number;
  isChunked: boolean;
  close: boolean;
  keepAlive: boolean;
  expectsContinue: boolean;
  /** Another protocol: what stands behind the request may be none of this one. */
  upgrades: boolean;
}

function readRoles(rawHeaders: readonly string[]): Said {
  const said: Said = {
    lengths: 0,
    length: undefined,
    codings: 0,
    isChunked: false,
    close: false,
    keepAlive: false,
    expectsContinue: false,
    upgrades: false,
  };
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    note(said, roleOf(rawHeaders[index] ?? ''), rawHeaders[index + 1] ?? '');
  }
  return said;
}

function note(said: Said, role: Role, value: string): void {
  switch (role) {
    case 'other':
      return;
    case 'connection':
      said.close ||= saysClose(value);
      said.keepAlive ||= saysKeepAlive(value);
      return;
    case 'content-length':
      said.lengths++;
      said.length = lengthIn(value);
      return;
    case 'transfer-encoding':
      said.codings++;
      said.isChunked = value === 'chunked';
      return;
    case 'expect':
      said.expectsContinue ||= value.toLowerCase() === '100-continue';
      return;
    case 'upgrade':
      said.upgrades = true;
  }
}

/** RFC 9112 §6.3, less what two readers could take differently; listener/framing.ts says why each of it is refused. */
function lengthOf(httpVersion: string, said: Said): ClientBodyLength {
  const { lengths, length, codings, isChunked } = said;
  if (httpVersion !== '1.1' && httpVersion !== '1.0') return 'unclear';
  if (lengths + codings === 0) return 0;
  if (lengths + codings > 1) return 'unclear';
  if (codings === 1) return isChunked && httpVersion === '1.1' ? 'chunked' : 'unclear';
  return length ?? 'unclear';
}

/** RFC 9112 §9.3. */
function staysOpen(httpVersion: string, { close, keepAlive, upgrades }: Said): boolean {
  return !close && !upgrades && (httpVersion === '1.1' || keepAlive);
}

const LF = 0x0a;
/** More than the longest method and the blank behind it. */
const FIRST_BYTES = 40;
const BEGINNING = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}(?: [^\r\n]*)?$/;
const NEVER = /[^\t\r\n\x20-\x7e\x80-\xff]/;

/** What is no request is refused at once: another protocol may never send a blank line. */
export function refuseNonsense(bytes: Buffer, from: number, to: number): void {
  if (NEVER.test(bytes.toString('latin1', from, to))) throw forbidden();
  refuseLooseLines(bytes, from, to);
  const lineEnd = bytes.indexOf(LF);
  if (lineEnd >= from && lineEnd < to) {
    if (!REQUEST_LINE.test(bytes.toString('latin1', 0, lineEnd + 1))) throw noRequestLine();
  } else if (lineEnd < 0 && from < FIRST_BYTES) {
    const [first = ''] = bytes.toString('latin1', 0, Math.min(to, FIRST_BYTES)).split('\r', 1);
    if (!BEGINNING.test(first)) throw noRequestLine();
  }
}

function noRequestLine(): BadMessage {
  return new BadMessage('the first line is no request line');
}
