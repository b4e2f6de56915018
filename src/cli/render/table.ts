import { printable } from './text.ts';

const paddingColumns = 3;
const widthMinColumns = 5;

/**
 * Rows as text in columns, as docker-machine's tabwriter does it: a column is as wide as its longest cell + 3 and at
 * least 5; the last cell of a row is not padded, and blanks stay where later cells are empty.
 */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const clean = rows.map((row) => row.map((cell) => printable(cell.replaceAll(/\s*[\r\n]+\s*/g, ' '))));
  const widths: number[] = [];
  for (const row of clean) {
    for (const [column, cell] of row.entries()) {
      widths[column] = Math.max(widths[column] ?? widthMinColumns, lengthOf(cell) + paddingColumns);
    }
  }
  return clean.map((row) =>
    row
      .map((cell, column) =>
        column === row.length - 1 ? cell : cell + ' '.repeat((widths[column] ?? 0) - lengthOf(cell)),
      )
      .join(''),
  );
}

/** In characters, not in UTF-16 units. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}
