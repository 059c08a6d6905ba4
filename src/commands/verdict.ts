import type { Terminal } from './terminal.ts';

const COLOURS = {
  ok: 'green',
  allowed: 'green',
  warning: 'yellow',
  unseen: 'yellow',
  fault: 'red',
  denied: 'red',
} as const;

/** A verdict as wide as its column, in its colour where somebody sees it. */
export function verdictCell(
  paint: Terminal['paint'],
  verdict: keyof typeof COLOURS,
  width: number,
): string {
  return paint(COLOURS[verdict], verdict.padEnd(width));
}
