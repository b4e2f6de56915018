import { MachineError } from '../../core/errors.ts';
import type { BootImage, Share } from '../driver.ts';
import { kernelLine } from '../qemu-board.ts';

/** Everything that the arguments of one virtual machine depend on. Paths are absolute. */
export interface VzMachine {
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly image: BootImage;
  readonly shares: readonly Share[];
  readonly diskPath: string;
  readonly configPath: string;
  readonly consolePath: string;
  readonly socketPath: string;
  readonly macAddress: string;
  /** Programs for x86-64 run in the machine. */
  readonly rosetta: boolean;
}

/** The guest looks for a directory with this tag; the other end is iso/rootfs/usr/lib/tsmachine/rosetta. */
const rosettaTag = 'rosetta';

/**
 * The arguments of vfkit for one machine (its doc/usage.md). The order of the disks is fixed, because the kernel line
 * names the root by its device: the data disk is vda, the root vdb, the config disk vdc.
 * @throws MachineError `vm-start-failed` for a path that vfkit cannot be given.
 */
export function vfkitArguments(machine: VzMachine): string[] {
  const { image } = machine;
  // Two consoles: the one of virtio is there when its module is loaded, the kernel needs one before.
  const line = kernelLine(image, [], ['tty0', 'hvc0']).replace(/ts\.mods=\S+/, '$&,virtio_console');
  const devices = [
    `virtio-blk,path=${plain(machine.diskPath)}`,
    `virtio-blk,path=${plain(image.rootPath)}`,
    `virtio-blk,path=${plain(machine.configPath)}`,
    `virtio-net,nat,mac=${machine.macAddress}`,
    `virtio-serial,logFilePath=${plain(machine.consolePath)}`,
    'virtio-rng',
    'virtio-balloon',
    ...(machine.rosetta ? [`rosetta,mountTag=${rosettaTag}`] : []),
    ...machine.shares.map(({ path, tag }) => `virtio-fs,sharedDir=${plain(path)},mountTag=${tag}`),
  ];
  return [
    ...['--cpus', String(machine.cpus), '--memory', String(machine.memoryMiB)],
    ...['--restful-uri', `unix://${machine.socketPath}`],
    '--bootloader',
    `linux,kernel=${plain(image.kernelPath)},initrd=${plain(image.initrdPath)},cmdline="${line}"`,
    ...devices.flatMap((device) => ['--device', device]),
  ];
}

/** vfkit splits at commas, and knows no way to write one. */
function plain(path: string): string {
  if (/[,"]/.test(path)) {
    throw new MachineError('vm-start-failed', 'vfkit cannot be given a path with a comma or a quote in it.', {
      why: path,
      remedies: ['Keep the store in another directory (MACHINE_STORAGE_PATH), and share another one.'],
    });
  }
  return path;
}
