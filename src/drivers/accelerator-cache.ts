import { isMachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { Accelerator } from './qemu-board.ts';
import { cacheDirectory, programStamp } from './host-cache.ts';

/** What a probe found out. */
export interface Verdict {
  readonly works: boolean;
  /** A sentence for people; empty when it works. */
  readonly reason: string;
}

/** One line of the cache: a verdict and everything it depends on. */
interface CachedVerdict extends Verdict {
  readonly accelerator: string;
  /** The boot of the host. */
  readonly boot: string;
  /** The program with its size and date: another QEMU is another answer. */
  readonly program: string;
}

const entriesMax = 16;
const bootTimeoutMs = 5_000;

/** The verdict of an earlier probe by the same QEMU in the same boot of this computer, if there is one. */
export async function readVerdict(
  host: Host,
  program: string,
  accelerator: Accelerator,
): Promise<Verdict | undefined> {
  const entries = await readEntries(host);
  if (entries.length === 0) {
    return undefined;
  }
  const key = await keyOf(host, program);
  return entries.find(
    (entry) => entry.accelerator === accelerator && entry.boot === key?.boot && entry.program === key.program,
  );
}

/** Keeps a verdict for the next commands. A cache that cannot be written only costs another probe. */
export async function writeVerdict(
  host: Host,
  program: string,
  found: { readonly accelerator: Accelerator; readonly verdict: Verdict },
): Promise<void> {
  const key = await keyOf(host, program);
  if (key === undefined) {
    return;
  }
  const others = (await readEntries(host)).filter(
    (entry) =>
      entry.boot === key.boot && !(entry.accelerator === found.accelerator && entry.program === key.program),
  );
  const entry: CachedVerdict = { ...found.verdict, ...key, accelerator: found.accelerator };
  await save(host, [entry, ...others].slice(0, entriesMax));
}

/** Forgets what is known about an accelerator, after a machine did not start with it. */
export async function forgetVerdicts(host: Host, accelerator: Accelerator): Promise<void> {
  const entries = await readEntries(host);
  const kept = entries.filter((entry) => entry.accelerator !== accelerator);
  if (kept.length < entries.length) {
    await save(host, kept);
  }
}

async function save(host: Host, entries: readonly CachedVerdict[]): Promise<void> {
  const { directory, path } = location(host);
  try {
    await host.files.makeDirectory(directory, 0o700);
    await host.files.writeAtomic(path, `${JSON.stringify(entries, undefined, 1)}\n`, 0o600);
  } catch (error) {
    if (!isMachineError(error)) {
      throw error;
    }
  }
}

async function readEntries(host: Host): Promise<CachedVerdict[]> {
  try {
    const value: unknown = JSON.parse(await host.files.readText(location(host).path));
    return Array.isArray(value) ? value.filter(isEntry) : [];
  } catch {
    return [];
  }
}

/** What a verdict depends on; undefined where the system does not tell, and then nothing is kept. */
async function keyOf(
  host: Host,
  program: string,
): Promise<{ readonly boot: string; readonly program: string } | undefined> {
  try {
    const stamp = await programStamp(host, program);
    return stamp === undefined ? undefined : { boot: await bootOf(host), program: stamp };
  } catch {
    return undefined;
  }
}

/** Something that changes when the computer boots or gets another kernel. */
async function bootOf(host: Host): Promise<string> {
  switch (host.facts.platform) {
    case 'linux':
      return (await host.files.readText('/proc/sys/kernel/random/boot_id')).trim();
    case 'darwin':
    case 'netbsd': {
      const options = { timeoutMs: bootTimeoutMs, acceptExitCodes: 'any' } as const;
      return (await host.processes.run('sysctl', ['-n', 'kern.boottime'], options)).stdout.trim();
    }
    default:
      // Windows has no cheap and stable name for a boot; there a change of QEMU renews the verdict.
      return host.facts.platform;
  }
}

function location(host: Host): { readonly directory: string; readonly path: string } {
  const directory = cacheDirectory(host);
  return { directory, path: `${directory}/accelerator.json` };
}

function isEntry(value: unknown): value is CachedVerdict {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const entry = value as Record<string, unknown>;
  return (
    typeof entry['works'] === 'boolean' &&
    ['reason', 'accelerator', 'boot', 'program'].every((key) => typeof entry[key] === 'string')
  );
}
