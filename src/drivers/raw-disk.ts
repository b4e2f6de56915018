import { MachineError } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import type { BootMaterial } from './driver.ts';
import { magicTar } from './magic-tar.ts';

const mebibyte = 1024 * 1024;

/**
 * Makes a data disk: a raw file that begins with the magic tar and is a hole after it. It appears under its name when
 * it is complete, and one that is there already is kept, whatever it holds.
 * @throws MachineError `disk-unsafe`, `store-write-failed`.
 */
export async function createRawDisk(
  host: Host,
  path: string,
  options: { readonly sizeMiB: number; readonly boot: BootMaterial | undefined },
): Promise<void> {
  if (await hasRawDisk(host, path)) {
    return;
  }
  const partial = `${path}.tmp`;
  await host.files.remove(partial);
  try {
    const keys = options.boot?.guestFiles.find(({ name }) => name === 'authorized_keys');
    const tar = magicTar(keys === undefined ? undefined : await host.files.readText(keys.path));
    await host.files.writeNew(partial, tar, 0o600);
    await host.files.grow(partial, options.sizeMiB * mebibyte);
    await host.files.rename(partial, path);
  } finally {
    await host.files.remove(partial);
  }
}

/** True when the disk is there. @throws MachineError `disk-unsafe` for something else in its place. */
export async function hasRawDisk(host: Host, path: string): Promise<boolean> {
  const stat = await host.files.stat(path);
  if (stat !== undefined && stat.kind !== 'file') {
    throw new MachineError('disk-unsafe', `The disk ${path} cannot be used: it is not a regular file.`);
  }
  return stat !== undefined;
}

/** Takes away the disk and what a create that was cut off left beside it. */
export async function removeRawDisk(host: Host, path: string): Promise<void> {
  await host.files.remove(`${path}.tmp`);
  await host.files.remove(path);
}

/**
 * Enlarges the disk of a machine that is off when the record asks for more; a disk is never made smaller. The guest
 * enlarges its file system itself.
 * @throws MachineError `vm-start-failed` (no disk), `disk-unsafe`, `store-write-failed`.
 */
export async function growRawDisk(host: Host, path: string, sizeMiB: number): Promise<void> {
  if (!(await hasRawDisk(host, path))) {
    throw new MachineError('vm-start-failed', 'The disk of the machine is missing.', {
      why: `There is no file ${path}.`,
      remedies: ['Restore the file, or remove the machine and create it again.'],
    });
  }
  await host.files.grow(path, sizeMiB * mebibyte);
}
