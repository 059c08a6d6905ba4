const FORBIDDEN = /[^\t\x20-\x7e\x80-\xff]/;

/**
 * The text itself, on its way into a head that is sent. Whatever was checked before: one that holds a line of its own
 * would bring in a header that nobody judged. @throws where it holds a control character
 */
export function checkedPart(text: string): string {
  if (FORBIDDEN.test(text)) throw new Error('BUG: a control character on its way into a head');
  return text;
}
