import { ownText, rememberNames } from '../header-names.ts';
import { BadMessage } from './bad-message.ts';

/**
 * RFC 9112 §2.2: control characters, and a CR or LF of its own, are none of a head's. A tab at the end of a line is: but
 * Node's parser takes no length that has one behind it, and Go's does.
 */
const FORBIDDEN = /[^\t\r\n\x20-\x7e\x80-\xff]|\r[^\n]|[^\r]\n|\t *\r/;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/**
 * The name itself where it is one (RFC 9110 §5.6.2), of all that are spelled alike the same text: whoever looks it up
 * later finds its hash computed. Never remembered where it throws.
 */
const properName = rememberNames((name) => {
  if (!TOKEN.test(name)) throw new BadMessage('a header without a proper name');
  return ownText(name);
});

/**
 * The header lines of a head, by a grammar that all readers share: no folding, no blanks before the colon.
 * @param text of ISO-8859-1, up to the end of the blank line; all of it is looked through for what may not stand there
 * @param start where the first header line begins
 * @returns name and value in turn, as they were sent
 * @throws BadMessage
 */
export function readHeaderLines(text: string, start: number): string[] {
  if (FORBIDDEN.test(text)) throw forbidden();
  const headers: string[] = [];
  // The blank line at its end is no header.
  const end = text.length - 2;
  for (let at = start; at < end;) {
    const lineEnd = text.indexOf('\r\n', at);
    const colon = text.indexOf(':', at);
    if (colon < 0 || colon > lineEnd) throw new BadMessage('a line of the head is no header');
    headers.push(properName(text.slice(at, colon)), withoutBlanks(text, colon + 1, lineEnd));
    at = lineEnd + 2;
  }
  return headers;
}

/** Why text is refused that holds a character which stands in no head. */
export function forbidden(): BadMessage {
  return new BadMessage('a character in the head that may not stand there');
}

/** A part of a text, without the blanks around it. */
function withoutBlanks(text: string, from: number, to: number): string {
  let [start, end] = [from, to];
  while (start < end && isBlank(text.charCodeAt(start))) start++;
  while (end > start && isBlank(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
