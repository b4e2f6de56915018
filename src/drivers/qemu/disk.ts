import { MachineError } from '../../core/errors.ts';
import type { BootMaterial, DriverContext } from '../driver.ts';
import type { Host } from '../../host/types.ts';
import type { QemuConfig } from './config.ts';
import { magicTar } from '../magic-tar.ts';
import { findImageTool, findProgram, installHint, systemProgramOf } from '../qemu-programs.ts';
import { checkQcow2, headerBytes } from './qcow2.ts';

type DiskContext = Pick<DriverContext<QemuConfig>, 'host' | 'directory' | 'config' | 'signal' | 'boot'>;

const imageToolTimeoutMs = 120_000;
const mebibyte = 1024 * 1024;

/** True when the disk exists and can be used. @throws MachineError `disk-unsafe` when it must not be used. */
export async function hasDisk(host: Host, path: string): Promise<boolean> {
  return (await diskSizeBytes(host, path)) !== undefined;
}

/**
 * Makes the data disk: a qcow2 file that begins with the magic tar. It appears under its name when it is
 * complete, and one that is there already is kept, whatever it holds.
 * @throws MachineError `disk-unsafe`, `program-missing`, `program-failed`, `store-write-failed`.
 */
export async function createDisk(context: DiskContext, path: string): Promise<void> {
  const { host, config, signal } = context;
  if (await hasDisk(host, path)) {
    return;
  }
  const tool = await imageTool(context);
  const raw = `${path}.raw.tmp`;
  const qcow2 = `${path}.tmp`;
  await removeDiskRemains(host, path);
  try {
    await host.files.writeNew(raw, magicTar(await authorizedKeys(host, context.boot)), 0o600);
    // The empty file first, so that the disk is never readable by others: qemu-img keeps its mode.
    await host.files.writeNew(qcow2, '', 0o600);
    const run = { timeoutMs: imageToolTimeoutMs, signal };
    await host.processes.run(tool, ['convert', '-f', 'raw', '-O', 'qcow2', raw, qcow2], run);
    await host.processes.run(tool, ['resize', '-f', 'qcow2', qcow2, `${config.diskSizeMiB}M`], run);
    checkQcow2(qcow2, await host.files.readRange(qcow2, 0, headerBytes));
    await host.files.rename(qcow2, path);
  } finally {
    await removeDiskRemains(host, path);
  }
}

/** Removes what a create that was cut off left beside the disk. */
export async function removeDiskRemains(host: Host, path: string): Promise<void> {
  await host.files.remove(`${path}.raw.tmp`);
  await host.files.remove(`${path}.tmp`);
}

/**
 * Checks the disk before a start and enlarges it when the record asks for more; a disk is never made
 * smaller. The guest enlarges its file system itself.
 * @throws MachineError `disk-unsafe`, `vm-start-failed` (no disk), `program-missing`, `program-failed`.
 */
export async function prepareDisk(context: DiskContext, path: string): Promise<void> {
  const { host, config, signal } = context;
  const sizeBytes = await diskSizeBytes(host, path);
  if (sizeBytes === undefined) {
    throw new MachineError('vm-start-failed', 'The disk of the machine is missing.', {
      why: `There is no file ${path}.`,
      remedies: ['Restore the file, or remove the machine and create it again.'],
    });
  }
  if (sizeBytes < config.diskSizeMiB * mebibyte) {
    const tool = await imageTool(context);
    await host.processes.run(tool, ['resize', '-f', 'qcow2', path, `${config.diskSizeMiB}M`], {
      timeoutMs: imageToolTimeoutMs,
      signal,
    });
  }
}

async function diskSizeBytes(host: Host, path: string): Promise<number | undefined> {
  const stat = await host.files.stat(path);
  if (stat === undefined) {
    return undefined;
  }
  if (stat.kind !== 'file') {
    throw new MachineError('disk-unsafe', `The disk ${path} cannot be used: it is not a regular file.`);
  }
  return checkQcow2(path, await host.files.readRange(path, 0, headerBytes));
}

async function imageTool(context: DiskContext): Promise<string> {
  const { host, config } = context;
  const architecture = context.boot?.image.architecture ?? 'amd64';
  const system = await findProgram(
    host,
    config.program === '' ? systemProgramOf(architecture) : config.program,
  );
  const tool = await findImageTool(host, system);
  if (tool === undefined) {
    throw new MachineError('program-missing', 'qemu-img was not found.', {
      remedies: [installHint(host.facts, architecture)],
    });
  }
  return tool;
}

async function authorizedKeys(host: Host, boot: BootMaterial | undefined): Promise<string | undefined> {
  const file = boot?.guestFiles.find((candidate) => candidate.name === 'authorized_keys');
  return file === undefined ? undefined : host.files.readText(file.path);
}
