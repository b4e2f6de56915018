import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { goldenRows } from '../../golden/table.ts';

test('every difference in the golden table is a subject of docs/compatibility.md', (t) => {
  const root = join(import.meta.dirname, '..', '..', '..', '..');
  const lines = readFileSync(join(root, 'docs', 'compatibility.md'), 'utf8').split('\n');
  const subjects = new Set(
    lines.filter((line) => line.startsWith('|')).map((line) => line.split('|')[1]?.trim()),
  );
  const told = new Set(goldenRows.map(({ differs }) => differs).filter((differs) => differs !== undefined));
  t.true(told.size > 5);
  t.deepEqual(
    [...told].filter((subject) => !subjects.has(subject)),
    [],
  );
});

test('rows that end otherwise than with docker-machine say so', (t) => {
  for (const row of goldenRows.filter(({ exit }) => exit === 2)) {
    t.truthy(row.differs, row.argv.toString());
  }
});
