import { commandLineRows } from './command-line.ts';
import { connectionRows } from './connection.ts';
import { createRows } from './create.ts';
import { lifeRows, removeRows } from './life.ts';
import type { GoldenRow } from './row.ts';

/** What docker-machine 0.16.2 prints and returns, and where this program does otherwise on purpose. */
export const goldenRows: readonly GoldenRow[] = [
  ...commandLineRows,
  ...connectionRows,
  ...createRows,
  ...lifeRows,
  ...removeRows,
];
