import { isMachineError, MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { cacheDirectory, programStamp } from '../host-cache.ts';
import { parseVersion, type QemuVersion } from '../qemu-programs.ts';

/** What a qemu-system-* program says about itself. */
export interface ProgramFacts {
  readonly version: QemuVersion;
  /** The whole line, with the distribution's own version: two builds of one release may differ. */
  readonly build: string;
  /** Built with the device that shares directories, which distributions leave out here and there. */
  readonly canShare: boolean;
}

interface CachedFacts {
  /** The program with its size and date. */
  readonly program: string;
  readonly build: string;
  readonly canShare: boolean;
}

const fileName = 'qemu-programs.json';
const entriesMax = 16;
const askTimeoutMs = 10_000;

/**
 * What a QEMU is. Asked once for each program file; the answer is kept, because every `create` needs it.
 * @throws MachineError `program-failed` when the program says something else, `program-missing`.
 */
export async function readProgramFacts(
  host: Host,
  systemProgram: string,
  signal?: AbortSignal,
): Promise<ProgramFacts> {
  const stamp = await programStamp(host, systemProgram);
  const entries = await readEntries(host);
  const known = entries.find(({ program }) => program === stamp);
  const build = known?.build ?? (await askVersion(host, systemProgram, signal));
  const canShare = known?.canShare ?? (await hasShareDevice(host, systemProgram, signal));
  const version = parseVersion(build);
  if (version === undefined) {
    throw new MachineError('program-failed', `${systemProgram} does not tell its version.`, {
      why: build.slice(0, 200),
    });
  }
  if (known === undefined && stamp !== undefined) {
    await save(host, [{ program: stamp, build, canShare }, ...entries].slice(0, entriesMax));
  }
  return { version, build, canShare };
}

async function askVersion(
  host: Host,
  systemProgram: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const { stdout } = await host.processes.run(systemProgram, ['--version'], {
    timeoutMs: askTimeoutMs,
    signal,
  });
  return stdout.split(/\r?\n/)[0] ?? '';
}

async function hasShareDevice(
  host: Host,
  systemProgram: string,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const question = ['-M', 'none', '-device', 'virtio-9p-pci,help'];
  try {
    await host.processes.run(systemProgram, question, { timeoutMs: askTimeoutMs, signal });
    return true;
  } catch (error) {
    if (!isMachineError(error) || error.code !== 'program-failed') {
      throw error;
    }
    return false;
  }
}

async function readEntries(host: Host): Promise<CachedFacts[]> {
  try {
    const value: unknown = JSON.parse(await host.files.readText(`${cacheDirectory(host)}/${fileName}`));
    return Array.isArray(value) ? value.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/** A cache that cannot be written only costs another question. */
async function save(host: Host, entries: readonly CachedFacts[]): Promise<void> {
  const directory = cacheDirectory(host);
  try {
    await host.files.makeDirectory(directory, 0o700);
    await host.files.writeAtomic(
      `${directory}/${fileName}`,
      `${JSON.stringify(entries, undefined, 1)}\n`,
      0o600,
    );
  } catch (error) {
    if (!isMachineError(error)) {
      throw error;
    }
  }
}

function isEntry(value: unknown): value is CachedFacts {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const entry = value as Record<string, unknown>;
  return (
    typeof entry['program'] === 'string' &&
    typeof entry['build'] === 'string' &&
    typeof entry['canShare'] === 'boolean'
  );
}
