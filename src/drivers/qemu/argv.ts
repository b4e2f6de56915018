import type { BootImage, GuestFile, Share } from '../driver.ts';
import { boardArguments, bootArguments, escapeOption, type Accelerator } from '../qemu-board.ts';
import { guestName } from './run-state.ts';

/** A share that virtiofsd serves. */
export interface ServedShare extends Share {
  readonly socketPath: string;
}

type MachineShare = Share | ServedShare;

/** Everything that the arguments of one virtual machine depend on. Paths are absolute. */
export interface MachineArguments {
  readonly name: string;
  readonly platform: NodeJS.Platform;
  readonly image: BootImage;
  readonly guestFiles: readonly GuestFile[];
  readonly shares: readonly MachineShare[];
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly accelerator: Accelerator;
  readonly diskPath: string;
  readonly consolePath: string;
  readonly pidPath: string;
  readonly controlPath: string;
  readonly observerPath: string;
  /** Host ports on 127.0.0.1; 0 lets the kernel choose. */
  readonly sshPort: number;
  readonly enginePort: number;
  readonly macAddress: string;
  /** Present for a guest that is made a template of, or resumed from one. */
  readonly template?: TemplateArguments;
}

/** What the arguments of a guest that is saved or restored have besides. */
export interface TemplateArguments {
  /** The engine's configuration file in the template. */
  readonly engineConfig: string;
  /** The board's versioned name. */
  readonly machineType: string;
  /** Socket through which the guest is given its identity. */
  readonly identityPath: string;
  /** True for a guest that is resumed: its saved memory comes from the standard input. */
  readonly isIncoming: boolean;
}

/**
 * The arguments of qemu-system-* for one machine. The order of the disks is fixed, because the kernel
 * line names the root by its device: the data disk is vda, the root vdb.
 */
export function machineArguments(machine: MachineArguments): string[] {
  return [
    ...nameArguments(machine),
    ...boardArguments({
      ...machine,
      architecture: machine.image.architecture,
      machineType: machine.template?.machineType,
    }),
    ...['-smp', String(machine.cpus), '-m', String(machine.memoryMiB)],
    ...bootArguments(machine.image, [
      ...(machine.accelerator === 'tcg' ? ['ts.emulated'] : []),
      ...(machine.template === undefined ? [] : templateWords(machine.template)),
    ]),
    ...diskArguments(machine),
    ...networkArguments(machine),
    ...['-device', 'virtio-rng-pci'],
    ...['-device', 'virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on'],
    ...(machine.image.architecture === 'amd64' ? ['-device', 'vmgenid,guid=auto'] : []),
    ...shareArguments(machine.shares),
    ...sharedMemory(machine),
    ...guestFileArguments(machine.guestFiles),
    ...[
      '-chardev',
      `file,id=serial0,path=${escapeOption(machine.consolePath)}`,
      '-serial',
      'chardev:serial0',
    ],
    ...monitorArguments('control', machine.controlPath, machine.platform),
    ...monitorArguments('observer', machine.observerPath, machine.platform),
    ...['-pidfile', machine.pidPath],
    ...(machine.template === undefined ? [] : templateArguments(machine.template)),
  ];
}

function templateWords(template: TemplateArguments): string[] {
  return ['ts.template', `ts.engine=${Buffer.from(template.engineConfig).toString('base64')}`];
}

/** The port that gives a resumed guest its identity. After all other devices, so that their addresses stay the same. */
function templateArguments(template: TemplateArguments): string[] {
  return [
    ...['-device', 'virtio-serial-pci'],
    ...['-chardev', `socket,id=identity,path=${escapeOption(template.identityPath)},server=on,wait=off`],
    ...['-device', 'virtserialport,chardev=identity,name=org.tsmachine.identity'],
    // Paused until the saved memory is checked.
    ...(template.isIncoming ? ['-incoming', 'fd:0', '-S'] : []),
  ];
}

function nameArguments(machine: MachineArguments): string[] {
  const name = guestName(machine.name);
  // QEMU ends with an error where it cannot rename its process, which it can only on Linux.
  const process = machine.platform === 'linux' ? `,process=${escapeOption(name)}` : '';
  return ['-name', `guest=${escapeOption(name)}${process}`];
}

/** Disks are given as JSON, which takes any path, names the format and opens nothing that the file refers to. */
function diskArguments(machine: MachineArguments): string[] {
  const data = {
    driver: 'qcow2',
    'node-name': 'data',
    // Write-back: writes are cached by the host, and the guest's flushes reach the disk.
    cache: { direct: false, 'no-flush': false },
    discard: 'unmap',
    'detect-zeroes': 'unmap',
    backing: null,
    file: { driver: 'file', filename: machine.diskPath, discard: 'unmap' },
  };
  const root = {
    driver: 'raw',
    'node-name': 'root',
    'read-only': true,
    file: { driver: 'file', filename: machine.image.rootPath, 'read-only': true },
  };
  return [
    ...['-blockdev', JSON.stringify(data), '-device', 'virtio-blk-pci,drive=data,serial=tsm-data'],
    ...['-blockdev', JSON.stringify(root), '-device', 'virtio-blk-pci,drive=root,serial=tsm-root'],
  ];
}

function networkArguments(machine: MachineArguments): string[] {
  const forwards = [
    `hostfwd=tcp:127.0.0.1:${machine.sshPort}-:22`,
    `hostfwd=tcp:127.0.0.1:${machine.enginePort}-:2376`,
  ];
  return [
    ...['-netdev', `user,id=net0,${forwards.join(',')}`],
    // Without the ROM for booting from the network the firmware is done earlier.
    ...['-device', `virtio-net-pci,netdev=net0,mac=${machine.macAddress},romfile=`],
  ];
}

/**
 * What the guest creates belongs to the user who runs QEMU; a change of owner that QEMU may not make is passed over
 * in silence, because programs in containers try it often and do not need it.
 */
function shareArguments(shares: readonly MachineShare[]): string[] {
  return shares.flatMap((share) =>
    'socketPath' in share ? virtiofsArguments(share) : plan9Arguments(share),
  );
}

function plan9Arguments({ path, isReadOnly, tag }: Share): string[] {
  return [
    '-fsdev',
    `local,id=${tag},path=${escapeOption(path)},security_model=none,multidevs=remap${isReadOnly ? ',readonly=on' : ''}`,
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ];
}

function virtiofsArguments({ tag, socketPath }: ServedShare): string[] {
  return [
    ...['-chardev', `socket,id=${tag},path=${escapeOption(socketPath)}`],
    ...['-device', `vhost-user-fs-pci,chardev=${tag},tag=${tag},queue-size=1024`],
  ];
}

/** The server of a share reads and writes the guest's memory, so it must be memory that two processes can have. */
function sharedMemory({ shares, memoryMiB }: Pick<MachineArguments, 'shares' | 'memoryMiB'>): string[] {
  return shares.some((share) => 'socketPath' in share)
    ? [
        ...['-object', `memory-backend-memfd,id=memory,size=${memoryMiB}M,share=on`],
        ...['-machine', 'memory-backend=memory'],
      ]
    : [];
}

function guestFileArguments(guestFiles: readonly GuestFile[]): string[] {
  return guestFiles.flatMap((file) => [
    '-fw_cfg',
    `name=opt/org.tsmachine/${escapeOption(file.name)},file=${escapeOption(file.path)}`,
  ]);
}

function monitorArguments(id: string, path: string, platform: NodeJS.Platform): string[] {
  const where = platform === 'win32' ? 'pipe' : 'socket';
  // The pipe's path is given without its prefix, which QEMU adds.
  const value = platform === 'win32' ? path.replace('\\\\.\\pipe\\', '') : path;
  const mode = platform === 'win32' ? '' : ',server=on,wait=off';
  return [
    ...['-chardev', `${where},id=${id},path=${escapeOption(value)}${mode}`],
    ...['-mon', `chardev=${id},mode=control`],
  ];
}
