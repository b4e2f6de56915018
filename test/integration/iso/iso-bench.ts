import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';
import { assembleIso, type AssembleIsoOptions } from '../../../iso/bootable/assemble-iso.ts';
import type { BootLoaders } from '../../../iso/bootable/loader-packages.ts';
import type { TreeEntry } from '../../../iso/formats/entry.ts';
import { writeErofs } from '../../../iso/formats/erofs.ts';
import { writeNewc } from '../../../iso/formats/newc.ts';

const run = promisify(execFile);
/** The time of everything in the bench, in seconds since 1970. */
export const epoch = 1_760_000_000;

/** Runs a program of another author; says that it is missing and returns undefined where it is. */
export async function tryTool(
  t: ExecutionContext,
  program: string,
  args: readonly string[],
): Promise<string | undefined> {
  try {
    const { stdout, stderr } = await run(program, args, { maxBuffer: 1 << 26 });
    return stdout + stderr;
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') {
      t.log(`skipped: needs ${program}`);
      return undefined;
    }
    throw error;
  }
}

/** Bytes that look like nothing in particular and are the same in every run. */
export function bytes(length: number, seed: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * seed + (i >> 7)) & 0xff));
}

const owner = { uid: 0, gid: 0 };
/** The root file system of the bench. */
export const rootTree: readonly TreeEntry[] = [
  { kind: 'directory', path: 'etc', mode: 0o755, ...owner },
  { kind: 'file', path: 'etc/shadow', mode: 0o640, uid: 0, gid: 42, data: Buffer.from('root:*') },
  { kind: 'directory', path: 'home', mode: 0o750, uid: 1000, gid: 1000 },
  { kind: 'directory', path: 'usr', mode: 0o755, ...owner },
  { kind: 'file', path: 'usr/doas', mode: 0o4755, ...owner, data: bytes(70_000, 3) },
  { kind: 'file', path: 'usr/engine', mode: 0o755, ...owner, data: bytes(2_500_000, 7) },
  { kind: 'symlink', path: 'usr/sh', mode: 0o777, ...owner, target: 'doas' },
];

/** Stand-ins: no firmware would start them. */
export const loaders: BootLoaders = {
  shim: bytes(100_000, 5),
  grub: bytes(300_000, 11),
  bios: { isolinux: bytes(38_912, 13), ldlinux: bytes(118_724, 17), mbrCode: bytes(432, 19) },
};

/** Test helper: a folder with made-up parts and the ISO made of them. */
export interface IsoBench {
  readonly folder: string;
  readonly options: AssembleIsoOptions;
}

export async function isoBench(
  t: ExecutionContext,
  more: Partial<AssembleIsoOptions> = {},
): Promise<IsoBench> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-iso-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  const at = (name: string): string => path.join(folder, name);
  const volume = { uuid: new Uint8Array(16), timeSeconds: epoch, volumeName: 'test' };
  await writeFile(at('root.erofs'), writeErofs(rootTree, volume));
  await writeFile(at('vmlinuz'), bytes(1_000_000, 23));
  await writeFile(at('initrd'), writeNewc(rootTree.slice(0, 2)));
  const options: AssembleIsoOptions = {
    architecture: 'amd64',
    vmlinuzPath: at('vmlinuz'),
    initrdPath: at('initrd'),
    rootPath: at('root.erofs'),
    loaders,
    volumeId: 'b2d-v26.1.5',
    sourceDateEpoch: epoch,
    idSeed: 'seed',
    outputPath: at('image.iso'),
    ...more,
  };
  await assembleIso(options);
  return { folder, options };
}

/** Mounts an image, or says why that cannot be done here and returns false. */
export async function withMount(
  t: ExecutionContext,
  image: string,
  type: string,
  look: (mountPoint: string) => Promise<void>,
): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) {
    t.log('skipped: needs Linux and root to mount');
    return;
  }
  const mountPoint = `${image}.mounted`;
  await mkdir(mountPoint);
  try {
    await run('mount', ['-t', type, '-o', 'loop,ro', image, mountPoint]);
  } catch (error) {
    if (/unknown filesystem type|failed to setup loop/.test(String(error))) {
      t.log(`skipped: needs a kernel with loop devices and ${type}`);
      return;
    }
    throw error;
  }
  try {
    await look(mountPoint);
  } finally {
    await run('umount', [mountPoint]);
  }
}
