import { parseDuration } from '../../config/duration.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const RFC_3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:[Zz]|[+-]\d\d:\d\d)?$/;
const DATE = /^(\d{4}-\d\d-\d\d)$/;
const DAYS = /^(\d{1,4})([dw])$/;

/** How a moment can be written, for a sentence. */
export const WHEN = '"yesterday", "today", "90m", "12h", "7d", "2026-01-31", or RFC 3339';

/**
 * A moment as operators say it: `yesterday` and a date are its first moment here, a duration is that long ago, and a time
 * without a zone is of this place. Undefined where it is none.
 */
export function readWhen(text: string, nowMs: number): number | undefined {
  const word = text.trim();
  if (word === 'now') return nowMs;
  if (word === 'today') return midnight(nowMs, 0);
  if (word === 'yesterday') return midnight(nowMs, -1);
  if (DATE.test(word)) return known(Date.parse(`${word}T00:00:00`));
  if (RFC_3339.test(word)) return known(Date.parse(word.replace(' ', 'T').toUpperCase()));
  const [, count, unit] = DAYS.exec(word) ?? [];
  if (count !== undefined) return nowMs - Number(count) * (unit === 'w' ? 7 : 1) * DAY_MS;
  const ago = parseDuration(word);
  return ago === undefined || ago < 0 ? undefined : nowMs - ago;
}

/** Days of 23 and 25 hours are days too. */
function midnight(nowMs: number, days: number): number {
  const date = new Date(nowMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

function known(ms: number): number | undefined {
  return Number.isNaN(ms) ? undefined : ms;
}
