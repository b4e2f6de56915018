import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MachineEvent } from '../../src/core/events.ts';
import type { DriverContext } from '../../src/drivers/driver.ts';
import type { QemuConfig } from '../../src/drivers/qemu/config.ts';
import { killMachine } from '../../src/drivers/qemu/stop.ts';
import { createHost } from '../../src/host/real.ts';
import type { Host } from '../../src/host/types.ts';
import { tinyGuest, type TinyGuestEnd } from './tiny-guest.ts';

/** A machine of the driver qemu on the real host, with a guest of a few hundred bytes instead of the image. */
export interface QemuMachine {
  readonly context: DriverContext<QemuConfig>;
  readonly directory: string;
  /** What was emitted so far. */
  readonly events: MachineEvent[];
  /** Puts another guest in the place of the kernel, for the next start. */
  readonly setGuest: (lines: readonly string[], end: TinyGuestEnd) => Promise<void>;
  /** Ends QEMU and removes every file. */
  readonly cleanup: () => Promise<void>;
}

/** How a test machine differs from the usual one. */
export interface QemuMachineOptions {
  readonly lines?: readonly string[];
  readonly end?: TinyGuestEnd;
  readonly config?: Partial<QemuConfig>;
  /** Name of the machine's directory, to test hostile ones. */
  readonly directoryName?: string;
  readonly host?: Host;
  readonly signal?: AbortSignal;
}

/** What a healthy guest writes. */
export const healthyLines = [
  'TS 0.10 init',
  'TS 0.20 stage2',
  'TS 0.30 net',
  'TS 0.40 ready 10.0.2.15',
] as const;

/** Makes the directory, the files of an image and the context. Nothing of QEMU runs yet. */
export async function makeQemuMachine(options: QemuMachineOptions = {}): Promise<QemuMachine> {
  const root = await mkdtemp(join(tmpdir(), 'tsm-qemu-'));
  const directory = join(root, options.directoryName ?? 'machine');
  await mkdir(directory, { mode: 0o700 });
  const image = {
    digest: '0'.repeat(64),
    version: '0',
    architecture: 'amd64',
    kernelPath: join(root, 'kernel'),
    initrdPath: join(root, 'initrd'),
    rootPath: join(root, 'root'),
  } as const;
  const keys = join(directory, 'authorized_keys');
  const setGuest: QemuMachine['setGuest'] = async (lines, end) =>
    writeFile(image.kernelPath, tinyGuest({ lines, end }));
  await setGuest(options.lines ?? healthyLines, options.end ?? 'halt');
  await writeFile(image.initrdPath, 'initrd');
  await writeFile(image.rootPath, new Uint8Array(64 * 1024));
  await writeFile(
    keys,
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl test\n',
  );
  const host = options.host ?? hostWithCache(root);
  const events: MachineEvent[] = [];
  const context: DriverContext<QemuConfig> = {
    host,
    name: 'test',
    directory,
    config: {
      cpus: 1,
      memoryMiB: 64,
      diskSizeMiB: 64,
      accelerator: 'tcg',
      program: '',
      enginePort: 0,
      ...options.config,
    },
    signal: options.signal ?? new AbortController().signal,
    save: async () => undefined,
    emit: (event) => {
      events.push(event);
    },
    boot: { image, guestFiles: [{ name: 'authorized_keys', path: keys }], shares: [] },
  };
  const cleanup = async (): Promise<void> => {
    await killMachine({ ...context, signal: new AbortController().signal });
    await rm(root, { recursive: true, force: true });
  };
  return { context, directory, events, setGuest, cleanup };
}

/** True when QEMU for x86 and its disk tool are installed. */
export async function hasQemu(): Promise<boolean> {
  const { processes } = createHost();
  const found = await Promise.all(
    ['qemu-system-x86_64', 'qemu-img'].map(async (name) => processes.find(name)),
  );
  return found.every((path) => path !== undefined);
}

/** The real host, but with a cache of its own, so that tests leave nothing in the user's. */
function hostWithCache(root: string): Host {
  const host = createHost();
  const env = { ...host.facts.env, XDG_CACHE_HOME: join(root, 'cache') };
  return { ...host, facts: { ...host.facts, env } };
}
