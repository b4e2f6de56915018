const paddingColumns = 3;
const widthMinColumns = 5;

/**
 * Text with tabs in columns, as docker-machine's tabwriter (Go's text/tabwriter, width 5, padding 3) does it. A column
 * is as wide as its longest cell + 3 and at least 5, over the lines in a row that have a tab behind it; what is behind
 * the last tab of a line is not padded.
 */
export function alignTabs(text: string): string {
  const lines = text.split('\n').map((line) => line.split('\t'));
  alignColumn(lines, { column: 0, from: 0, to: lines.length });
  return lines.map((cells) => cells.join('')).join('\n');
}

interface Block {
  readonly column: number;
  readonly from: number;
  readonly to: number;
}

/** Pads the cells of a column in every run of lines that have it, then the columns to the right within the run. */
function alignColumn(lines: string[][], { column, from, to }: Block): void {
  let begin = from;
  while (begin < to) {
    const hasCell = (index: number): boolean => column < (lines[index]?.length ?? 0) - 1;
    if (!hasCell(begin)) {
      begin += 1;
      continue;
    }
    let end = begin;
    let width = widthMinColumns;
    while (end < to && hasCell(end)) {
      width = Math.max(width, lengthOf(lines[end]?.[column] ?? '') + paddingColumns);
      end += 1;
    }
    for (const cells of lines.slice(begin, end)) {
      const cell = cells[column] ?? '';
      cells[column] = cell + ' '.repeat(width - lengthOf(cell));
    }
    alignColumn(lines, { column: column + 1, from: begin, to: end });
    begin = end;
  }
}

/** In characters, not in UTF-16 units. */
function lengthOf(text: string): number {
  return Array.from(text).length;
}
