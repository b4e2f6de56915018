import test from 'ava';
import { createFakeHost } from '../../fakes/host.ts';
import { goldenRows } from '../../golden/table.ts';
import type { GoldenRow } from '../../golden/row.ts';
import { expectedOutcome, runRow, storeFiles, withoutHelp, worldVersion } from '../../golden/world.ts';

const storePath = '/home/ann/.docker/machine';
const engineUrl = 'tcp://127.0.0.1:23760';

for (const [index, row] of goldenRows.entries()) {
  if (row.engine !== true) {
    test(`${index} ${title(row)}`, async (t) => {
      const files = Object.entries(storeFiles(row.setting, storePath, engineUrl));
      const host = createFakeHost({
        homeDirectory: '/home/ann',
        env: { SHELL: '/bin/bash', ...row.env },
        tree: {
          '/opt/tsmachine/package.json': `{"version":"${worldVersion}"}`,
          ...Object.fromEntries(files.map(([path, text]) => [`${storePath}/${path}`, text])),
        },
      });
      const outcome = await runRow(row, { host, storePath, engineUrl });
      t.deepEqual({ ...outcome, stdout: withoutHelp(row, outcome.stdout) }, expectedOutcome(row));
    });
  }
}

function title(row: GoldenRow): string {
  const words =
    typeof row.argv === 'string' ? row.argv : row.argv.map((word) => JSON.stringify(word)).join(' ');
  const env = Object.entries(row.env ?? {}).map(([name, value]) => `${name}=${value}`);
  return [...env, 'docker-machine', words, `(${row.setting}, ${row.stdin?.trim() ?? 'no input'})`].join(' ');
}
