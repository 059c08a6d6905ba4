/** Rows under a head that are written as they come: few are held back, to see how wide the columns must be. */
export interface Columns {
  readonly add: (row: readonly string[]) => void;
  /** Writes what is held back. */
  readonly flush: () => void;
}

const MOST_HELD = 500;
/** What is wider stands out of its column, and moves nobody else's. */
const WIDEST = 40;

/** @param paint colours a cell that is padded already */
export function createColumns(
  head: readonly string[],
  out: (text: string) => void,
  paint: (cell: string, column: number, row: readonly string[]) => string = (cell) => cell,
): Columns {
  let held: (readonly string[])[] = [];
  let widths = head.map(({ length }) => length);
  let isBegun = false;
  const line = (row: readonly string[], isHead: boolean): string => {
    const cells = row.map((cell, column) => {
      const padded = column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0);
      return isHead ? padded : paint(padded, column, row);
    });
    return `${cells.join('  ').trimEnd()}\n`;
  };
  const flush = (): void => {
    widths = widths.map((width, column) =>
      held.reduce((most, row) => {
        const { length } = row[column] ?? '';
        return length > WIDEST ? most : Math.max(most, length);
      }, width),
    );
    if (!isBegun && held.length > 0) out(line(head, true));
    isBegun ||= held.length > 0;
    out(held.map((row) => line(row, false)).join(''));
    held = [];
  };
  return {
    add: (row) => {
      held.push(row);
      if (held.length >= MOST_HELD) flush();
    },
    flush,
  };
}
