import type { ErrorLevel } from './errors.ts';
import { jsonLine } from './json-line.ts';

/** What a line may carry besides its message. Never a password, token or secret: those are `Secret`s. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** A line without its end. No value can end it or begin a new key, whatever a client sends. */
export type RenderLine = (level: ErrorLevel, message: string, fields?: LogFields) => string;

/** Lines of now in the format, whose time is made once a millisecond: a request costs one or two. */
export function createRenderLine(format: 'logfmt' | 'json'): RenderLine {
  const time = createTime();
  return format === 'json'
    ? (level, message, fields) => jsonLine({ ts: time(), lvl: level, msg: message, ...fields })
    : (level, message, fields) => toLogfmt(`ts=${time()} lvl=${level}`, message, fields);
}

function createTime(): () => string {
  let lastMs: number | undefined;
  let text = '';
  return () => {
    const nowMs = Date.now();
    if (nowMs !== lastMs) text = new Date(nowMs).toISOString();
    lastMs = nowMs;
    return text;
  };
}

/** `ts=… lvl=… msg=… key=value …`, the keys of Kapacitor's own log. */
function toLogfmt(beginning: string, message: string, fields: LogFields = {}): string {
  let line = `${beginning} msg=${quoted(message)}`;
  // Not Object.entries: it makes an array of each pair.
  for (const key in fields) {
    const value = fields[key];
    if (value !== undefined) {
      line += ` ${key}=${typeof value === 'string' ? quoted(value) : String(value)}`;
    }
  }
  return line;
}

/** What nearly all values are, and what is found out in a fraction of the time that PLAIN takes. */
const PLAIN_ASCII = /^[!#-<>-~]+$/;
/** As JSON it is the same between quotes. */
const QUOTABLE_ASCII = /^[ !#-[\]-~]*$/;
const PLAIN = /^[^\s"=\p{C}]+$/u;

/** Bare where logfmt allows it, else a JSON string: no value can end its line or begin a new key. */
function quoted(value: string): string {
  if (PLAIN_ASCII.test(value)) return value;
  if (QUOTABLE_ASCII.test(value)) return `"${value}"`;
  return PLAIN.test(value) ? value : jsonLine(value);
}
