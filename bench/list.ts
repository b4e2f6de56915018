import path from 'node:path';
import { median, projectRoot, runNode, type Row } from './measure.ts';
import type { BenchStore } from './store.ts';

/** Numbers of machines, and the most milliseconds for `ls -q` and `ls` where there is a budget. */
const sizes = [
  { count: 1 },
  { count: 50 },
  { count: 200, namesMs: 400, tableMs: 1000 },
  { count: 500 },
] as const satisfies readonly { count: number; namesMs?: number; tableMs?: number }[];
/** At this size some of the machines never answer. */
const withBlackHoles = 200;
const blackHoleCount = 50;
const timeoutSeconds = 3;

/** Wall time of listing machines; fills an empty store with more and more of them. */
export async function measureList(store: BenchStore, runs: number): Promise<Row[]> {
  const rows: Row[] = [];
  // Two are there.
  let present = 2;
  for (const size of sizes) {
    const { count } = size;
    for (; present < count; present += 1) {
      await store.add(`m${present}`, store.engineUrl);
    }
    const machines = `${Math.max(count, present)} machines`;
    const [namesMs, tableMs] = 'namesMs' in size ? [size.namesMs, size.tableMs] : [];
    rows.push(
      await time(store, ['ls', '-q'], { runs, budgetMs: namesMs, what: `ls -q, ${machines}` }),
      await time(store, ['ls', '-q', '--filter', 'state=Running'], {
        runs,
        budgetMs: namesMs,
        what: `ls -q --filter state=Running, ${machines}`,
      }),
      await time(store, ['ls'], { runs, budgetMs: tableMs, what: `ls, ${machines}` }),
      await time(store, ['ls', '-f', '{{.Name}} {{.State}}'], {
        runs,
        budgetMs: tableMs,
        what: `ls -f TEMPLATE, ${machines}`,
      }),
    );
    if (count === withBlackHoles) {
      rows.push(await measureBlackHoles(store));
    }
  }
  return rows;
}

async function measureBlackHoles(store: BenchStore): Promise<Row> {
  const names = Array.from({ length: blackHoleCount }, (_, index) => `hole${index}`);
  for (const name of names) {
    await store.add(name, store.blackHoleUrl);
  }
  const seconds = String(timeoutSeconds);
  const what = `ls -t ${seconds}, ${withBlackHoles} machines and ${blackHoleCount} that never answer`;
  const row = await time(store, ['ls', '-t', seconds], {
    runs: 1,
    budgetMs: (timeoutSeconds + 1) * 1000,
    what,
  });
  for (const name of names) {
    await store.remove(name);
  }
  return row;
}

async function time(
  store: BenchStore,
  args: readonly string[],
  {
    runs,
    budgetMs,
    what,
  }: { readonly runs: number; readonly budgetMs: number | undefined; readonly what: string },
): Promise<Row> {
  const walls: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    const run = await runNode({
      args: [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args],
      env: { MACHINE_STORAGE_PATH: store.path, DOCKER_HOST: '' },
    });
    walls.push(run.wallMs);
  }
  return {
    what,
    value: median(walls),
    unit: 'ms',
    ...(budgetMs === undefined ? {} : { budget: budgetMs }),
    detail: `wall, median of ${runs}`,
  };
}
