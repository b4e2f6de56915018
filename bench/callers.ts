import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { inParallel } from '../test/support/in-parallel.ts';
import { median, projectRoot, runNode, type Row, type Run } from './measure.ts';
import { makeBenchStore, type BenchStore } from './store.ts';

/** docker-machine 0.16.2 makes so many machines of the driver none a second, 20 at a time, on two processors. */
const createsPerSecondOfDockerMachine = 27.6;
const machineCount = 200;
const callersMax = 20;
const listCounts = [2, 50, 200, 500] as const;
const createMaxMib = 100;

function call(storePath: string, args: readonly string[]): Promise<Run> {
  return runNode({
    args: [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args],
    env: { MACHINE_STORAGE_PATH: storePath, DOCKER_HOST: '' },
  });
}

async function succeed(storePath: string, args: readonly string[]): Promise<Run> {
  const run = await call(storePath, args);
  if (run.exitCode !== 0) {
    throw new Error(`${args.join(' ')} ended with ${String(run.exitCode)}: ${run.stderr}`);
  }
  return run;
}

/** Many callers on one store, each a process of its own: throughput, lists of many machines, the way of a CI job. */
export async function measureCallers(runs: number): Promise<Row[]> {
  return [...(await measureThroughput()), ...(await measureManyMachines(runs))];
}

async function measureThroughput(): Promise<Row[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-callers-'));
  const store = path.join(home, 'store');
  const names = Array.from({ length: machineCount }, (_, index) => `m${index}`);
  try {
    const bare = await throughput(() => runNode({ args: ['-e', '0'] }));
    const creates = await throughput((name) =>
      succeed(store, ['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1', name]),
    );
    const removes = await throughput((name) => succeed(store, ['rm', '-y', name]));
    const detail = `${machineCount}, ${callersMax} at a time; bare node: ${bare.perSecond.toFixed(1)}/s`;
    return [
      {
        what: 'create -d none',
        value: creates.perSecond,
        unit: '/s',
        atLeast: createsPerSecondOfDockerMachine,
        detail,
      },
      { what: 'rm -y', value: removes.perSecond, unit: '/s', detail },
      {
        what: 'create -d none: memory, the most of all',
        value: Math.max(...creates.runs.map(({ maxRssMib }) => maxRssMib)),
        unit: 'MiB',
        budget: createMaxMib,
      },
      {
        what: 'create -d none: CPU',
        value: median(creates.runs.map(({ cpuMs }) => cpuMs)),
        unit: 'ms',
        detail: `bare node ${median(bare.runs.map(({ cpuMs }) => cpuMs)).toFixed(0)} ms at the same load`,
      },
    ];
  } finally {
    await rm(home, { recursive: true, force: true });
  }

  async function throughput(
    one: (name: string) => Promise<Run>,
  ): Promise<{ readonly perSecond: number; readonly runs: readonly Run[] }> {
    const startedMs = performance.now();
    const done = await inParallel(names, callersMax, one);
    return { perSecond: (machineCount * 1000) / (performance.now() - startedMs), runs: done };
  }
}

async function measureManyMachines(runs: number): Promise<Row[]> {
  const store = await makeBenchStore();
  try {
    const rows = [await measureJob(store, runs)];
    // The store has two machines of its own.
    let present = 2;
    for (const count of listCounts) {
      for (; present < count; present += 1) {
        await store.add(`m${present}`, store.engineUrl);
      }
      for (const args of [['ls', '-q'], ['ls']]) {
        rows.push(await measureWall(store, args, { runs, what: `${args.join(' ')}, ${present} machines` }));
      }
    }
    return rows;
  } finally {
    await store.dispose();
  }
}

/** What GitLab Runner calls, one after the other, before a job begins. */
async function measureJob(store: BenchStore, runs: number): Promise<Row> {
  const calls = ['config', 'config', 'url', 'inspect'];
  const walls: number[] = [];
  const bareWalls: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    let wallMs = 0;
    let bareMs = 0;
    for (const verb of calls) {
      wallMs += (await succeed(store.path, [verb, 'default'])).wallMs;
      bareMs += (await runNode({ args: ['-e', '0'] })).wallMs;
    }
    walls.push(wallMs);
    bareWalls.push(bareMs);
  }
  return {
    what: `the way of a CI job: ${calls.join(', ')}`,
    value: median(walls),
    unit: 'ms',
    detail: `wall, median of ${runs}; bare node four times: ${median(bareWalls).toFixed(0)} ms`,
  };
}

async function measureWall(
  store: BenchStore,
  args: readonly string[],
  { runs, what }: { readonly runs: number; readonly what: string },
): Promise<Row> {
  const walls: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    walls.push((await succeed(store.path, args)).wallMs);
  }
  return { what, value: median(walls), unit: 'ms', detail: `wall, median of ${runs}` };
}
