/** Milliseconds to a unit of Go's durations; both spellings of µ. */
const UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  '\u00b5s': 1e-3,
  '\u03bcs': 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

const DURATION = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:ns|us|\u00b5s|\u03bcs|ms|s|m|h))+)$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|\u00b5s|\u03bcs|ms|s|m|h)/g;

/**
 * Reads a duration in Go's grammar ("1h30m", "1.5h", "500ms", "0") as milliseconds, fractions and sign kept;
 * undefined where it is none. Source: Go's time.ParseDuration.
 */
export function parseDuration(text: string): number | undefined {
  if (/^[+-]?0$/.test(text)) return 0;
  const [, sign, parts] = DURATION.exec(text) ?? [];
  if (parts === undefined) return undefined;
  let ms = 0;
  for (const [, number, unit] of parts.matchAll(PART)) {
    ms += Number(number) * (UNITS_MS[unit ?? ''] ?? 0);
  }
  return sign === '-' && ms !== 0 ? -ms : ms;
}
