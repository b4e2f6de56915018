import { systemCode } from '../../core/errors.ts';
import type { DriverContext, DriverStatus, PowerState } from '../driver.ts';
import type { Host, ProcessIdentity } from '../../host/types.ts';
import type { QmpClient } from './qmp.ts';

/** What every function on a running machine needs of its context. */
export type RunContext = Pick<DriverContext<unknown>, 'host' | 'name' | 'directory' | 'signal'>;

/** Files and sockets of one machine, absolute. */
export interface MachinePaths {
  readonly disk: string;
  readonly run: string;
  readonly pid: string;
  readonly log: string;
  readonly console: string;
  /** Two QMP sockets, because each serves one client at a time: one for commands, one for short questions. */
  readonly control: string;
  readonly observer: string;
  /** Gives a resumed guest its identity. */
  readonly identity: string;
  /** Directory that was made for the sockets because the machine's own has too long a path. */
  readonly socketDirectory?: string;
}

/** `run.json`: the QEMU process that was started last. Kept after its end, for the ports. */
export interface RunRecord {
  readonly schema: 1;
  readonly process: ProcessIdentity;
  readonly startedAtMs: number;
  /** Ports on 127.0.0.1; 0 until QEMU has told them. */
  readonly sshPort: number;
  readonly enginePort: number;
  readonly accelerator: string;
  readonly control: string;
  readonly observer: string;
}

/** A QEMU process of this machine that runs now. */
export interface LiveMachine {
  readonly process: ProcessIdentity;
  readonly control: string;
  readonly observer: string;
  /** Missing when the command that started QEMU died before it could write it. */
  readonly record?: RunRecord;
}

/** macOS allows 104 bytes with the final NUL, Linux 108; QEMU refuses longer ones. */
const socketPathBytesMax = 100;
const questionTimeoutMs = 2_000;
const pidMax = 2 ** 31;

/** QEMU's run states to ours; what is missing here means that the guest runs. */
const powerByStatus: Readonly<Record<string, PowerState>> = {
  running: 'running',
  paused: 'paused',
  suspended: 'paused',
  prelaunch: 'starting',
  inmigrate: 'starting',
  'restore-vm': 'starting',
  shutdown: 'stopping',
  'internal-error': 'error',
  'io-error': 'error',
  'guest-panicked': 'error',
  watchdog: 'error',
};

/** A file of a machine. "/" also separates on Windows. */
export function fileIn(directory: string, name: string): string {
  return `${directory}/${name}`;
}

/** Name of the virtual machine inside QEMU, asked back before a process is taken for ours. */
export function guestName(name: string): string {
  return `tsm-${name}`;
}

/**
 * Where the files and sockets of a machine are. A socket's path has a limit that a store may exceed;
 * then the sockets go to a directory that is named by a digest of the machine's, below the user's cache
 * or, when that is too long as well, below the directory for temporary files. On Windows the "paths"
 * are pipes.
 */
export async function machinePaths(host: Host, directory: string): Promise<MachinePaths> {
  const files = {
    disk: fileIn(directory, 'disk.qcow2'),
    run: fileIn(directory, 'run.json'),
    pid: fileIn(directory, 'qemu.pid'),
    log: fileIn(directory, 'qemu.log'),
    console: fileIn(directory, 'console.log'),
  };
  const { facts } = host;
  const own = socketsIn(directory);
  if (facts.platform !== 'win32' && fits(own.observer)) {
    return { ...files, ...own };
  }
  const { createHash } = await import('node:crypto');
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 20);
  if (facts.platform === 'win32') {
    const pipe = `\\\\.\\pipe\\tsmachine-${digest}`;
    return { ...files, control: pipe, observer: `${pipe}-observer`, identity: `${pipe}-identity` };
  }
  const cache = facts.env['XDG_CACHE_HOME'];
  const cacheDirectory = cache?.startsWith('/') === true ? cache : fileIn(facts.homeDirectory, '.cache');
  const inCache = `${cacheDirectory}/tsmachine/run/${digest}`;
  const socketDirectory = fits(`${inCache}/qmp-observer.sock`)
    ? inCache
    : `${facts.tempDirectory}/tsm-${digest}`;
  return { ...files, ...socketsIn(socketDirectory), socketDirectory };
}

function socketsIn(directory: string): Pick<MachinePaths, 'control' | 'observer' | 'identity'> {
  return {
    control: fileIn(directory, 'qmp.sock'),
    observer: fileIn(directory, 'qmp-observer.sock'),
    identity: fileIn(directory, 'identity.sock'),
  };
}

/** `run.json`, checked field by field; undefined when it is missing or not ours. */
export async function readRunRecord(host: Host, directory: string): Promise<RunRecord | undefined> {
  const text = await readIfThere(host, fileIn(directory, 'run.json'));
  if (text === undefined) {
    return undefined;
  }
  try {
    const value: unknown = JSON.parse(text);
    return isRunRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The QEMU process of this machine, or undefined when none runs. A recorded pid counts only with its
 * start time. A process that is only in QEMU's own pid file counts when it answers on the machine's
 * socket under the machine's name; such a process is left by a command that died while it started it.
 */
export async function findLive(context: RunContext): Promise<LiveMachine | undefined> {
  const { host, directory } = context;
  const record = await readRunRecord(host, directory);
  if (record !== undefined && (await host.processes.isAlive(record.process))) {
    return { process: record.process, control: record.control, observer: record.observer, record };
  }
  const pid = Number((await readIfThere(host, fileIn(directory, 'qemu.pid')))?.trim());
  if (!Number.isInteger(pid) || pid <= 0 || pid > pidMax || pid === record?.process.pid) {
    return undefined;
  }
  const process = await host.processes.identify(pid);
  if (process === undefined) {
    return undefined;
  }
  const { control, observer } = await machinePaths(host, directory);
  const answer = await ask(context, observer, (client) => client.execute('query-name'));
  return nameOf(answer) === guestName(context.name) ? { process, control, observer } : undefined;
}

/** Probes the machine; see the contract. Takes at most about two seconds and never throws. */
export async function inspectMachine(context: RunContext): Promise<DriverStatus> {
  try {
    const live = await findLive(context);
    return live === undefined ? { power: 'stopped' } : await inspectLive(context, live);
  } catch (error) {
    return { power: 'error', detail: error instanceof Error ? error.message : String(error) };
  }
}

async function inspectLive(context: RunContext, live: LiveMachine): Promise<DriverStatus> {
  const answer = await ask(context, live.observer, (client) => client.execute('query-status'));
  const status = fieldOf(answer, 'status');
  if (typeof status !== 'string') {
    if (!(await context.host.processes.isAlive(live.process))) {
      return { power: 'stopped' };
    }
    if (live.record?.enginePort === 0) {
      return { power: 'starting' };
    }
    // On Windows QEMU serves each pipe once, and its process is all that can be asked later.
    const isMute = context.host.facts.platform === 'win32';
    const detail = `QEMU (process ${live.process.pid}) does not answer.`;
    return { ...(isMute ? { power: 'running' } : { power: 'error', detail }), ...endpoints(live.record) };
  }
  const power = powerByStatus[status] ?? 'running';
  const detail = power === 'error' ? { detail: `QEMU says: ${status}.` } : {};
  return { power, ...detail, ...endpoints(live.record) };
}

function endpoints(record: RunRecord | undefined): Partial<DriverStatus> {
  if (record === undefined || record.sshPort === 0 || record.enginePort === 0) {
    return {};
  }
  return {
    address: '127.0.0.1',
    ssh: { host: '127.0.0.1', port: record.sshPort },
    engineUrl: `tcp://127.0.0.1:${record.enginePort}`,
  };
}

/** One question on a socket; undefined when nobody answers in time. */
async function ask(
  context: RunContext,
  path: string,
  question: (client: QmpClient) => Promise<unknown>,
): Promise<unknown> {
  const { connectQmp } = await import('./qmp.ts');
  try {
    const client = await connectQmp(context.host, path, {
      timeoutMs: questionTimeoutMs,
      signal: context.signal,
    });
    try {
      return await question(client);
    } finally {
      client.close();
    }
  } catch {
    context.signal.throwIfAborted();
    return undefined;
  }
}

async function readIfThere(host: Host, path: string): Promise<string | undefined> {
  try {
    return await host.files.readText(path);
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return undefined;
    }
    throw error;
  }
}

function isRunRecord(value: unknown): value is RunRecord {
  const identity = fieldOf(value, 'process');
  return (
    fieldOf(value, 'schema') === 1 &&
    isWhole(fieldOf(identity, 'pid'), pidMax) &&
    typeof fieldOf(identity, 'startTime') === 'string' &&
    typeof fieldOf(value, 'startedAtMs') === 'number' &&
    isWhole(fieldOf(value, 'sshPort'), 65_535) &&
    isWhole(fieldOf(value, 'enginePort'), 65_535) &&
    typeof fieldOf(value, 'accelerator') === 'string' &&
    typeof fieldOf(value, 'control') === 'string' &&
    typeof fieldOf(value, 'observer') === 'string'
  );
}

function isWhole(value: unknown, max: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= max;
}

function nameOf(answer: unknown): unknown {
  return fieldOf(answer, 'name');
}

function fieldOf(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function fits(path: string): boolean {
  return Buffer.byteLength(path) <= socketPathBytesMax;
}
