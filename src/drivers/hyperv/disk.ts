import type { DriverContext } from '../driver.ts';
import { magicTar } from '../magic-tar.ts';
import { diskMaxMiB, type HyperVConfig } from './config.ts';
import { machineFiles } from './machine.ts';
import type { MachineFacts } from './output.ts';
import { dynamicVhdx } from './vhdx/build.ts';
import { mebibyte } from './vhdx/format.ts';
import { growthFault, growthPatches, readVhdx } from './vhdx/grow.ts';

type DiskContext = DriverContext<HyperVConfig>;

const guidLength = 16;

/** Writes a new disk that begins with the magic tar. One that is there is kept. @throws MachineError `store-write-failed`. */
export async function createDisk(context: DiskContext): Promise<void> {
  const { host, boot, config } = context;
  const { disk } = machineFiles(context);
  if ((await host.files.stat(disk)) !== undefined) {
    return;
  }
  const keys = boot?.guestFiles.find(({ name }) => name === 'authorized_keys');
  const content = magicTar(keys === undefined ? undefined : await host.files.readText(keys.path));
  const guid = (): Uint8Array => host.randomBytes(guidLength);
  const bytes = dynamicVhdx({
    diskBytes: config.diskSizeMiB * mebibyte,
    growsToBytes: diskMaxMiB * mebibyte,
    content,
    guids: [guid(), guid(), guid()],
  });
  await host.files.writeAtomic(disk, bytes, 0o600);
}

/**
 * Enlarges the disk of a machine that is off when the record asks for more; a disk is never made smaller. The guest
 * enlarges its file system itself. A disk that cannot be enlarged is said to stay as it is.
 * @throws MachineError `store-write-failed`.
 */
export async function growDisk(context: DiskContext, machine: MachineFacts): Promise<void> {
  const { host, config, emit, name } = context;
  const { disk } = machineFiles(context);
  const facts = await readVhdx(async (offset, length) => host.files.readRange(disk, offset, length));
  const wantedBytes = config.diskSizeMiB * mebibyte;
  if (facts === undefined || facts.diskBytes >= wantedBytes) {
    return;
  }
  const isInUse = machine.disks.some((path) => path.toLowerCase() === disk.toLowerCase());
  const fault = isInUse ? growthFault(facts, wantedBytes) : 'The machine has a checkpoint in Hyper-V.';
  if (fault !== undefined) {
    const present = Math.floor(facts.diskBytes / mebibyte);
    const help = `Remove the checkpoints of the machine, or enlarge it as administrator: Resize-VHD -Path "${disk}" -SizeBytes ${config.diskSizeMiB}MB`;
    emit({
      type: 'warn',
      machine: name,
      message: `The disk stays at ${present} MB. ${fault} ${help}`,
    });
    return;
  }
  for (const { offset, bytes } of growthPatches(facts, wantedBytes, host.randomBytes(guidLength))) {
    await host.files.overwrite(disk, offset, bytes);
  }
}
