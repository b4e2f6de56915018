import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median, projectRoot, runNode, type Row, type Run } from './measure.ts';

const program = path.join(projectRoot, 'bin', 'tsmachine.js');

interface Boot {
  readonly create: Run;
  /** Uptime of the guest at each of its phases, seconds. */
  readonly phases: ReadonlyMap<string, number>;
  readonly memoryUsedMib: number;
}

/** Cold creates under QEMU: from the command to the TLS API, and where the time goes. */
export async function measureBoot(runs: number): Promise<Row[]> {
  const boots: Boot[] = [];
  for (let index = 0; index < runs; index += 1) {
    boots.push(await bootOnce());
  }
  const at = (phase: string): number => median(boots.map(({ phases }) => phases.get(phase) ?? Number.NaN));
  const ours = median(
    boots.map(({ phases }) => {
      const phase = (name: string): number => phases.get(name) ?? Number.NaN;
      return phase('engine-start') - phase('init') + (phase('ready') - phase('engine'));
    }),
  );
  const detail = ['init', 'stage2', 'data', 'identity', 'engine-start', 'engine', 'tls', 'ready']
    .map((phase) => `${phase} ${at(phase).toFixed(1)}`)
    .join(', ');
  return [
    {
      what: 'cold boot: power on to ready',
      value: at('ready'),
      unit: 's',
      budget: 20,
      detail: `median of ${runs}: ${detail}`,
    },
    { what: 'cold boot: of which ours (not kernel, not engine)', value: ours, unit: 's', budget: 3 },
    {
      what: 'create: command to TLS API, wall',
      value: median(boots.map(({ create }) => create.wallMs / 1000)),
      unit: 's',
      detail: `CPU of our process ${median(boots.map(({ create }) => create.cpuMs)).toFixed(0)} ms`,
    },
    {
      what: 'create: memory of our process',
      value: median(boots.map(({ create }) => create.maxRssMib)),
      unit: 'MiB',
      budget: 100,
    },
    {
      what: 'guest idle: memory used',
      value: median(boots.map(({ memoryUsedMib }) => memoryUsedMib)),
      unit: 'MiB',
      budget: 115,
    },
  ];
}

async function bootOnce(): Promise<Boot> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-boot-'));
  const env = { MACHINE_STORAGE_PATH: path.join(home, 'store'), DOCKER_CONFIG: path.join(home, 'docker') };
  const tsmachine = (...args: string[]): Promise<Run> => runNode({ args: [program, ...args], env });
  try {
    // The image enters the cache of the store once; a first create would measure the copying.
    await tsmachine('create', '-d', 'qemu', '--plan', 'bench');
    const create = await tsmachine('create', '-d', 'qemu', 'bench');
    if (create.exitCode !== 0) {
      throw new Error(create.stderr);
    }
    const phases = new Map(
      [...create.stderr.matchAll(/(\S+) after ([\d.]+) s/g)].map((match) => [
        match[1] ?? '',
        Number(match[2]),
      ]),
    );
    const free = await tsmachine('ssh', 'bench', 'free', '-m');
    const used = /^Mem:\s+\d+\s+(\d+)/m.exec(free.stdout)?.[1];
    return { create, phases, memoryUsedMib: Number(used) };
  } finally {
    await tsmachine('rm', '-f', '-y', 'bench');
    await rm(home, { recursive: true, force: true });
  }
}
