import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { writeTar } from '../iso/formats/tar-writer.ts';
import { ask, engineApi, type EngineApi } from './engine-api.ts';
import { median, projectRoot, runNode, type Row, type Run } from './measure.ts';

const program = path.join(projectRoot, 'bin', 'tsmachine.js');
const transferBytes = 100_000_000;
const connectionCount = 100;
/** Of the numbers in /proc/PID/stat: USER_HZ. */
const ticksPerSecond = 100;

/** A machine, and how its engine is asked. */
interface Target extends EngineApi {
  readonly tsmachine: (...args: string[]) => Promise<Run>;
}

/** What the TLS terminator in the guest costs the guest: processor time for data and for connections, memory. */
export async function measureTerminator(runs: number): Promise<Row[]> {
  const home = await mkdtemp(path.join(tmpdir(), 'tsm-bench-terminator-'));
  const env = { MACHINE_STORAGE_PATH: path.join(home, 'store'), DOCKER_CONFIG: path.join(home, 'docker') };
  const tsmachine = (...args: string[]): Promise<Run> => runNode({ args: [program, ...args], env });
  try {
    const created = await tsmachine('create', '-d', 'qemu', 'bench');
    if (created.exitCode !== 0) {
      throw new Error(created.stderr);
    }
    const url = (await tsmachine('url', 'bench')).stdout.trim();
    const api = await engineApi(url, path.join(env.MACHINE_STORAGE_PATH, 'machines', 'bench'));
    return await measure({ ...api, tsmachine }, runs);
  } finally {
    await tsmachine('rm', '-f', '-y', 'bench');
    await rm(home, { recursive: true, force: true });
  }
}

async function measure(target: Target, runs: number): Promise<Row[]> {
  const archive = Buffer.concat([
    ...writeTar(
      [{ kind: 'file', path: 'content', mode: 0o644, uid: 0, gid: 0, data: randomBytes(transferBytes) }],
      0,
    ),
  ]);
  const memoryMib = (await inGuest(target, 'grep ^Pss: /proc/$p/smaps_rollup')) / 1024;
  const transfers: { cpu: number; wallSeconds: number }[] = [];
  const connections: number[] = [];
  for (let index = 0; index < runs; index += 1) {
    const cpuBefore = await cpuSeconds(target);
    const started = performance.now();
    await ask(target, { method: 'POST', path: '/images/create?fromSrc=-&repo=bench', tar: archive });
    const wallSeconds = (performance.now() - started) / 1000;
    const cpuBetween = await cpuSeconds(target);
    transfers.push({ cpu: cpuBetween - cpuBefore, wallSeconds });
    for (let count = 0; count < connectionCount; count += 1) {
      await ask(target, { method: 'GET', path: '/_ping' });
    }
    connections.push((((await cpuSeconds(target)) - cpuBetween) * 1000) / connectionCount);
    await ask(target, { method: 'DELETE', path: '/images/bench?force=1' });
  }
  return [
    {
      what: 'TLS terminator: processor time in the guest for 100 MB',
      value: median(transfers.map(({ cpu }) => cpu)),
      unit: 's',
      detail: `image import, ${median(transfers.map(({ wallSeconds }) => wallSeconds)).toFixed(1)} s in all; median of ${runs}`,
    },
    {
      what: 'TLS terminator: processor time in the guest for a connection',
      value: median(connections),
      unit: 'ms',
      detail: `handshake and /_ping, mean of ${connectionCount}`,
    },
    { what: 'TLS terminator: memory when idle', value: memoryMib, unit: 'MiB' },
  ];
}

/** Of the terminator and of its processes that have ended: user, system, and those of its children (proc(5)). */
async function cpuSeconds(target: Target): Promise<number> {
  return (await inGuest(target, "awk '{ print $14 + $15 + $16 + $17 }' /proc/$p/stat")) / ticksPerSecond;
}

/** Runs a command about the terminator, whose process is `$p`, as root. @returns the number that it prints. */
async function inGuest({ tsmachine }: Target, command: string): Promise<number> {
  const script = `p=$(cat /run/tsmachine/terminator.pid); ${command}`;
  const { stdout, stderr } = await tsmachine('ssh', 'bench', `sudo sh -c ${quote(script)}`);
  const number = /\d+/.exec(stdout)?.[0];
  if (number === undefined) {
    throw new Error(`${script}: ${stdout}${stderr}`);
  }
  return Number(number);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
