import type { BootImage, GuestFile, Share } from '../driver.ts';
import type { Accelerator } from './config.ts';
import { guestName } from './run-state.ts';

/** Names of architectures as images use them. */
export type Architecture = BootImage['architecture'];

/** Everything that the arguments of one virtual machine depend on. Paths are absolute. */
export interface MachineArguments {
  readonly name: string;
  readonly platform: NodeJS.Platform;
  readonly image: BootImage;
  readonly guestFiles: readonly GuestFile[];
  readonly shares: readonly Share[];
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

/** The accelerator, processor and board of a guest. */
export interface BoardArguments {
  readonly accelerator: Accelerator;
  readonly architecture: Architecture;
  /** The board's versioned name; by default the newest that QEMU has. */
  readonly machineType?: string | undefined;
}

/**
 * A processor that stays the same over versions of QEMU, unlike "max": x86-64-v3, and with RDRAND, without which a
 * guest waits for random numbers. One of AMD, because the kernel keeps its own memory out of the page tables of programs
 * on Intel's of that age, and each of those changes costs an emulation much. Switched off is what the emulation does not
 * have and would warn about.
 */
const emulatedProcessor =
  'EPYC-v1,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec';

/** Memory for translated code. The default for a guest of 2 GB is larger than the code of an engine needs. */
const translationCacheMiB = 512;

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

/** The arguments of a boot that only shows whether the kernel runs: no disk, no network, serial on stdout. */
export function probeArguments(image: BootImage, board: BoardArguments): string[] {
  return [
    ...boardArguments(board),
    ...['-smp', '1', '-m', '256'],
    ...bootArguments(image, ['ts.probe']),
    ...['-serial', 'stdio'],
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

/** A text as a value in one of QEMU's "key=value,key=value" options: a comma is written twice. */
export function escapeOption(value: string): string {
  return value.replaceAll(',', ',,');
}

function nameArguments(machine: MachineArguments): string[] {
  const name = guestName(machine.name);
  // QEMU ends with an error where it cannot rename its process, which it can only on Linux.
  const process = machine.platform === 'linux' ? `,process=${escapeOption(name)}` : '';
  return ['-name', `guest=${escapeOption(name)}${process}`];
}

function boardArguments(board: BoardArguments): string[] {
  const common = ['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'];
  const accelerator = ['-accel', acceleratorOption(board), '-cpu', processor(board)];
  if (board.architecture === 'arm64') {
    return [...common, '-machine', 'virt,gic-version=max', ...accelerator];
  }
  // Sleep states are switched off: a guest that suspended itself would never answer again.
  const sleepless = ['-global', 'ICH9-LPC.disable_s3=1', '-global', 'ICH9-LPC.disable_s4=1'];
  // No disk controller and no keyboard: nothing hangs on them, and their drivers cost the guest's start a second.
  return [
    ...common,
    '-machine',
    `${board.machineType ?? 'q35'},vmport=off,sata=off,i8042=off`,
    ...sleepless,
    ...accelerator,
  ];
}

function acceleratorOption(board: BoardArguments): string {
  if (board.accelerator !== 'tcg') {
    return board.accelerator;
  }
  // One thread for all processors of an x86 guest. With a thread each, QEMU (seen with 7.2) can go on executing the
  // breakpoint that Linux puts into its code while it patches it, after the patch is complete: "Oops: int3", and the
  // guest or the process that was running is gone. A Linux that runs containers patches itself often (static keys,
  // eBPF). Linux for ARM patches without breakpoints.
  const thread = board.architecture === 'amd64' ? 'single' : 'multi';
  return `tcg,thread=${thread},tb-size=${translationCacheMiB}`;
}

function processor(board: BoardArguments): string {
  switch (board.accelerator) {
    case 'kvm':
    case 'hvf':
    case 'nvmm':
      return 'host';
    case 'whpx':
      // WHPX knows no "host", and "max" offers more than it can do.
      return 'qemu64';
    case 'tcg':
      // The architecture's own pointer signatures are costly to emulate; a guest cannot tell the difference.
      return board.architecture === 'arm64' ? 'max,pauth-impdef=on' : emulatedProcessor;
  }
}

function bootArguments(image: BootImage, words: readonly string[]): string[] {
  const console = image.architecture === 'arm64' ? 'ttyAMA0' : 'ttyS0';
  const line = [
    `console=${console}`,
    'quiet',
    'panic=-1',
    'ts.root=/dev/vdb',
    'ts.mods=virtio_blk,crc32c_generic,erofs',
    ...words,
  ];
  return ['-kernel', image.kernelPath, '-initrd', image.initrdPath, '-append', line.join(' ')];
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
function shareArguments(shares: readonly Share[]): string[] {
  return shares.flatMap(({ path, isReadOnly, tag }) => [
    '-fsdev',
    `local,id=${tag},path=${escapeOption(path)},security_model=none,multidevs=remap${isReadOnly ? ',readonly=on' : ''}`,
    ...['-device', `virtio-9p-pci,fsdev=${tag},mount_tag=${tag}`],
  ]);
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
