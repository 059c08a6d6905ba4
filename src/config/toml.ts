import { parse, TomlError } from 'smol-toml';

/** A document by section; its values are still of any type. */
export type Document = Readonly<Record<string, unknown>>;

/** Parses TOML. What is wrong is said with line and column, never with the line's value: it may be a secret. */
export function parseToml(
  text: string,
): { readonly document: Document } | { readonly refused: string } {
  try {
    return { document: parse(text) };
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const line = text.split('\n')[error.line - 1] ?? '';
    const what = error.message.split('\n')[0]?.replace(/^Invalid TOML document: /, '') ?? '';
    const advice = adviceOn(line.trim(), what);
    return { refused: `line ${error.line}, column ${error.column}: ${advice}` };
  }
}

const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/redefine/, 'this key or section stands in the file twice: keep one of them'],
  [/escape/, 'in double quotes a backslash begins an escape: write \\\\, or use single quotes'],
  [/control characters|unfinished string/, 'the closing quote is missing on this line'],
  [/losslessly/, 'the number is too large'],
];

const OTHERWISE =
  'a line is a [section], a key = value, or a # comment; texts and durations stand in quotes';

function adviceOn(line: string, what: string): string {
  const known = ADVICE.find(([pattern]) => pattern.test(what));
  if (known !== undefined) return known[1];
  if (/^\[[a-z-]{1,20}$/.test(line)) return `the closing bracket is missing: write ${line}]`;
  if (/^\[[^\]]*$/.test(line)) return 'the closing bracket is missing on this line';
  const colon = /^([\w-]+)\s*:\s*(.*)$/.exec(line);
  if (colon !== null) return `TOML parts key and value by "=": write ${keyValue(colon)}`;
  const equals = /^([\w-]+)\s*=\s*(.*)$/.exec(line);
  return equals === null ? `${what}: ${OTHERWISE}` : adviceOnValue(equals, what);
}

function adviceOnValue([, key = '', value = '']: RegExpExecArray, what: string): string {
  if (value === '' || value.startsWith('#')) return `${key} has no value: write ${key} = …`;
  if (/^(true|false|yes|no|on|off)\b/i.test(value)) {
    return `true and false are the two values of a switch: write ${key} = ${booleanOf(value)}`;
  }
  return /^["'[{]/.test(value)
    ? `${what}: ${OTHERWISE}`
    : `texts and durations stand in quotes: write ${key} = "…"`;
}

/** The line as TOML wants it; the value is repeated only where it can't be a secret. */
function keyValue([, key = '', value = '']: RegExpExecArray): string {
  const plain = /^(true|false|\d{1,5})\b/i.exec(value);
  return `${key} = ${plain === null ? '"…"' : plain[0].toLowerCase()}`;
}

function booleanOf(value: string): string {
  return /^(true|yes|on)\b/i.test(value) ? 'true' : 'false';
}
