const PRINTABLE = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

const SHORT_ESCAPES: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

/** A string as Go's `%q` prints it (strconv.Quote): what Kapacitor puts into its refusals. */
export function goQuote(text: string): string {
  let quoted = '"';
  for (const character of text) quoted += escapeRune(character);
  return `${quoted}"`;
}

/** JSON as Go's encoding/json writes it: `<`, `>`, `&` and the line separators escaped, 4 spaces where pretty. */
export function goJson(value: unknown, style: 'compact' | 'pretty'): string {
  return JSON.stringify(value, undefined, style === 'pretty' ? 4 : undefined).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${hex(character, 4)}`,
  );
}

function escapeRune(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  if (PRINTABLE.test(character)) return character;
  if (character < '\x80') return `\\x${hex(character, 2)}`;
  return character.length === 1 ? `\\u${hex(character, 4)}` : `\\U${hex(character, 8)}`;
}

function hex(character: string, digits: number): string {
  return (character.codePointAt(0) ?? 0).toString(16).padStart(digits, '0');
}
