import path from 'node:path';
import { pairWithBare, projectRoot, type Row } from './measure.ts';
import type { BenchStore } from './store.ts';

const verbs: readonly { readonly args: readonly string[]; readonly budgetMs: number }[] = [
  { args: ['url', 'default'], budgetMs: 25 },
  { args: ['ip', 'default'], budgetMs: 25 },
  { args: ['status', 'default'], budgetMs: 25 },
  { args: ['inspect', 'default'], budgetMs: 25 },
  { args: ['ls', '-q'], budgetMs: 25 },
  { args: ['env', '--shell', 'bash', 'default'], budgetMs: 45 },
  { args: ['config', 'default'], budgetMs: 45 },
  { args: ['--help'], budgetMs: 110 },
];

/** CPU of the read-only verbs beyond bare Node. */
export async function measureStartUp(store: BenchStore, runs: number): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { args, budgetMs } of verbs) {
    const paired = await pairWithBare(
      {
        args: [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args],
        env: { MACHINE_STORAGE_PATH: store.path, DOCKER_HOST: '' },
      },
      runs,
    );
    rows.push({
      what: `tsmachine ${args.join(' ')}: CPU over bare node`,
      value: paired.overBareMs,
      unit: 'ms',
      budget: budgetMs,
      detail: `bare ${paired.bareCpuMs.toFixed(0)} ms, ratio ${paired.ratio.toFixed(2)}, median of ${paired.runs}`,
    });
  }
  return rows;
}
