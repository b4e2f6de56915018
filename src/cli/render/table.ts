import { alignTabs } from './tabwriter.ts';
import { printable } from './text.ts';

/** Rows as lines in columns, as docker-machine's tabwriter has them: see alignTabs. */
export function formatTable(rows: readonly (readonly string[])[]): string[] {
  const lines = rows.map((row) =>
    row.map((cell) => printable(cell.replaceAll(/\s*[\r\n]+\s*/g, ' '))).join('\t'),
  );
  return lines.length === 0 ? [] : alignTabs(lines.join('\n')).split('\n');
}
