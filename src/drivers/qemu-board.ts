import type { BootImage } from './driver.ts';

/** Names of architectures as images use them. */
export type Architecture = BootImage['architecture'];

/** What QEMU runs the guest's instructions with; `tcg` translates them. */
export type Accelerator = 'kvm' | 'hvf' | 'whpx' | 'nvmm' | 'tcg';
/** What the user may ask for; `auto` takes what a test boot has proven. */
export type AcceleratorChoice = 'auto' | Accelerator;

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
export const translationCacheMiB = 512;

/** The arguments of a boot that only shows whether the kernel runs: no disk, no network, serial on stdout. */
export function probeArguments(image: BootImage, board: BoardArguments): string[] {
  return [
    ...boardArguments(board),
    ...['-smp', '1', '-m', '256'],
    ...bootArguments(image, ['ts.probe']),
    ...['-serial', 'stdio'],
  ];
}

/** A text as a value in one of QEMU's "key=value,key=value" options: a comma is written twice. */
export function escapeOption(value: string): string {
  return value.replaceAll(',', ',,');
}

/** The arguments that choose board, accelerator and processor. */
export function boardArguments(board: BoardArguments): string[] {
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

/** The processor of a guest, as `-cpu` takes it. */
export function processor(board: BoardArguments): string {
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

/** Kernel and initramfs of an image, booted directly. */
export function bootArguments(image: BootImage, words: readonly string[]): string[] {
  return ['-kernel', image.kernelPath, '-initrd', image.initrdPath, '-append', kernelLine(image, words)];
}

/**
 * The kernel's command line. The data disk is vda, the root vdb.
 * @param consoles by default the serial port of the architecture; the last one is that of the guest's init
 */
export function kernelLine(
  image: BootImage,
  words: readonly string[],
  consoles: readonly string[] = [image.architecture === 'arm64' ? 'ttyAMA0' : 'ttyS0'],
): string {
  const line = [
    ...consoles.map((console) => `console=${console}`),
    'quiet',
    'panic=-1',
    'ts.root=/dev/vdb',
    'ts.mods=virtio_blk,crc32c_generic,erofs',
    ...words,
  ];
  return line.join(' ');
}
