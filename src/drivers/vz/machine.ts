import { createHash } from 'node:crypto';
import { MachineError, systemCode } from '../../core/errors.ts';
import type { Host, ProcessIdentity } from '../../host/types.ts';
import type { DriverContext } from '../driver.ts';
import { cacheDirectory } from '../host-cache.ts';
import type { VzConfig } from './config.ts';

/** What is asked of a context to find its machine. */
export type VzContext = Pick<DriverContext<VzConfig>, 'host' | 'directory' | 'config' | 'signal' | 'name'>;

/** Files of a machine. */
export interface VzFiles {
  readonly disk: string;
  readonly config: string;
  readonly console: string;
  readonly consoleBefore: string;
  readonly log: string;
  /** The process that was started last. */
  readonly run: string;
  readonly socket: string;
}

/** macOS takes no longer path of a socket. */
const socketBytesMax = 103;

/** Where they are. The driver is one of macOS alone. */
export function vzFiles({ host, directory }: Pick<VzContext, 'host' | 'directory'>): VzFiles {
  const socket = `${directory}/vfkit.sock`;
  return {
    disk: `${directory}/disk.raw`,
    config: `${directory}/config.iso`,
    console: `${directory}/console.log`,
    consoleBefore: `${directory}/console.log.1`,
    log: `${directory}/vfkit.log`,
    run: `${directory}/run.json`,
    socket: Buffer.byteLength(socket) <= socketBytesMax ? socket : shortSocket(host, directory),
  };
}

/** In a directory of the user's own. */
function shortSocket(host: Host, directory: string): string {
  const digest = createHash('sha256').update(directory).digest('hex').slice(0, 16);
  return `${cacheDirectory(host)}/run/${digest}.sock`;
}

/** The process of vfkit that runs the machine; undefined when none does. */
export async function findProcess(context: VzContext): Promise<ProcessIdentity | undefined> {
  const { host } = context;
  let text: string;
  try {
    text = await host.files.readText(vzFiles(context).run);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  const process = parseProcess(text);
  return process !== undefined && (await host.processes.isAlive(process)) ? process : undefined;
}

/** Writes down which process runs the machine. */
export async function writeProcess(context: VzContext, process: ProcessIdentity): Promise<void> {
  await context.host.files.writeAtomic(vzFiles(context).run, `${JSON.stringify({ process })}\n`, 0o600);
}

function parseProcess(text: string): ProcessIdentity | undefined {
  try {
    const { process } = JSON.parse(text) as { readonly process?: Partial<ProcessIdentity> };
    return Number.isSafeInteger(process?.pid) && typeof process?.startTime === 'string'
      ? { pid: process.pid ?? 0, startTime: process.startTime }
      : undefined;
  } catch {
    return undefined;
  }
}

/** vfkit, as configured, on PATH, or where Homebrew puts it. */
export async function findVfkit(host: Host, program: string): Promise<string | undefined> {
  const names = program === '' ? ['vfkit', '/opt/homebrew/bin/vfkit', '/usr/local/bin/vfkit'] : [program];
  for (const name of names) {
    const found = await host.processes.find(name);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

/** How to get what this driver needs. */
export const installHint = 'Install vfkit: brew install vfkit';

/** The error for a computer without vfkit. */
export function missingError(): MachineError {
  return new MachineError('program-missing', 'vfkit was not found.', {
    remedies: [installHint, 'Use another driver: tsmachine create -d qemu NAME'],
    facts: { program: 'vfkit' },
  });
}
