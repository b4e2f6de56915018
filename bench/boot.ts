import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { median, projectRoot, runNode, type Row, type Run } from './measure.ts';

const program = path.join(projectRoot, 'bin', 'tsmachine.js');

interface Create {
  readonly run: Run;
  /** Seconds that the machine says it took to each of its phases. */
  readonly phases: ReadonlyMap<string, number>;
  /** Milliseconds from the command's start to each line of progress, by its first words. */
  readonly atMs: ReadonlyMap<string, number>;
  readonly memoryUsedMib: number;
}

/** Runs tsmachine on the store of one benchmark. */
type Tsmachine = (...args: string[]) => Promise<Run>;

/**
 * Creates under QEMU, booted and resumed in turn so that the computer's mood hits both: from the command to the TLS API,
 * and where the time goes.
 * @param qemu another QEMU than the one on PATH
 */
export async function measureBoot(runs: number, qemu: string | undefined): Promise<Row[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-boot-'));
  const env = {
    MACHINE_STORAGE_PATH: path.join(home, 'store'),
    DOCKER_CONFIG: path.join(home, 'docker'),
    ...(qemu === undefined ? {} : { QEMU_PROGRAM: qemu }),
  };
  const tsmachine: Tsmachine = async (...args) => runNode({ args: [program, ...args], env });
  try {
    // Brings the image into the cache, so that no create measures the copying.
    await createOnce(tsmachine, ['--cold']);
    const first = await createOnce(tsmachine, []);
    const booted: Create[] = [];
    const resumed: Create[] = [];
    for (let index = 0; index < runs; index += 1) {
      booted.push(await createOnce(tsmachine, ['--cold']));
      resumed.push(await createOnce(tsmachine, []));
    }
    return [...bootRows(booted), ...resumeRows({ booted, resumed, first })];
  } finally {
    await rm(home, { recursive: true, force: true });
  }
}

async function createOnce(tsmachine: Tsmachine, flags: readonly string[]): Promise<Create> {
  try {
    const run = await tsmachine('create', '-d', 'qemu', ...flags, 'bench');
    if (run.exitCode !== 0) {
      throw new Error(run.stderr);
    }
    const phases = new Map(
      [...run.stderr.matchAll(/(\S+) after ([\d.]+) (m?s)/g)].map((match) => [
        match[1] ?? '',
        Number(match[2]) / (match[3] === 'ms' ? 1000 : 1),
      ]),
    );
    const atMs = new Map(
      run.lines.map(({ text, atMs: at }) => [/^\(bench\) +(\S+)/.exec(text)?.[1] ?? text, at]),
    );
    const free = await tsmachine('ssh', 'bench', 'free', '-m');
    const used = /^Mem:\s+\d+\s+(\d+)/m.exec(free.stdout)?.[1];
    return { run, phases, atMs, memoryUsedMib: Number(used) };
  } finally {
    await tsmachine('rm', '-f', '-y', 'bench');
  }
}

function bootRows(boots: readonly Create[]): Row[] {
  const runs = boots.length;
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
      what: 'create --cold: memory of our process',
      value: median(boots.map(({ run }) => run.maxRssMib)),
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

function resumeRows(creates: {
  readonly booted: readonly Create[];
  readonly resumed: readonly Create[];
  readonly first: Create;
}): Row[] {
  const { booted, resumed, first } = creates;
  const seconds = (create: Create): number => create.run.wallMs / 1000;
  const at = (name: string): number => median(resumed.map(({ atMs }) => atMs.get(name) ?? Number.NaN));
  const parts = [
    ['our process up to QEMU', at('Starting')],
    ['QEMU, memory, check', at('resumed') - at('Starting')],
    ['agent and terminator', at('tls') - at('resumed')],
    ['rest of the identity', at('ready') - at('tls')],
    ['first handshake, records, end', median(resumed.map(({ run }) => run.wallMs)) - at('ready')],
  ] as const;
  const cpuMs = median(resumed.map(({ run }) => run.cpuMs));
  const boot = median(booted.map(seconds));
  const resume = median(resumed.map(seconds));
  const each = resumed.map((create) => seconds(create).toFixed(2)).join(' ');
  return [
    { what: 'create --cold: command to TLS API', value: boot, unit: 's' },
    {
      what: 'create (instant): command to TLS API',
      value: resume,
      unit: 's',
      budget: 1.8,
      detail: `${each}: ${parts.map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(', ')}; CPU of our process ${cpuMs.toFixed(0)} ms`,
    },
    { what: 'create (instant): times as fast as cold', value: boot / resume, unit: 'x', atLeast: 8 },
    { what: 'create: the first of its kind, which makes the template', value: seconds(first), unit: 's' },
  ];
}
