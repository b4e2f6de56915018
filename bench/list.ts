import path from 'node:path';
import { median, projectRoot, runNode, type Row } from './measure.ts';
import type { BenchStore } from './store.ts';

const machineCount = 200;
const blackHoleCount = 50;
const timeoutSeconds = 3;

/** Wall time of listing many machines; fills the store with them. */
export async function measureList(store: BenchStore, runs: number): Promise<Row[]> {
  for (let index = 2; index < machineCount; index += 1) {
    await store.add(`m${index}`, store.engineUrl);
  }
  const rows = [
    await time(store, ['ls', '-q'], { runs, budgetMs: 400, what: `ls -q, ${machineCount} machines` }),
    await time(store, ['ls'], { runs, budgetMs: 1000, what: `ls, ${machineCount} machines` }),
  ];
  for (let index = 0; index < blackHoleCount; index += 1) {
    await store.add(`hole${index}`, store.blackHoleUrl);
  }
  const seconds = String(timeoutSeconds);
  const what = `ls -t ${seconds}, ${machineCount} machines and ${blackHoleCount} that never answer`;
  rows.push(
    await time(store, ['ls', '-t', seconds], { runs: 1, budgetMs: (timeoutSeconds + 1) * 1000, what }),
  );
  return rows;
}

async function time(
  store: BenchStore,
  args: readonly string[],
  { runs, budgetMs, what }: { readonly runs: number; readonly budgetMs: number; readonly what: string },
): Promise<Row> {
  const walls: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    const run = await runNode({
      args: [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args],
      env: { MACHINE_STORAGE_PATH: store.path, DOCKER_HOST: '' },
    });
    walls.push(run.wallMs);
  }
  return { what, value: median(walls), unit: 'ms', budget: budgetMs, detail: `wall, median of ${runs}` };
}
