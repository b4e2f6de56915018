import type { Architecture } from '../packages.ts';

/** The texts that the loaders of the ISO read. All name the same kernel, initramfs and kernel line. */

export const KERNEL_PATH = '/boot/vmlinuz';
/** The name that some old driver plugins look for in the ISO. */
export const KERNEL_ALIAS_PATH = '/boot/vmlinuz64';
export const INITRD_PATH = '/boot/initrd.img';
/** Debian's GRUB for CDs takes the device that has this file for its root, and reads GRUB_CONFIG_PATH there. */
export const DISK_INFO_PATH = '/.disk/info';
export const GRUB_CONFIG_PATH = '/boot/grub/grub.cfg';

/**
 * The last console is the one that programs write to. There is no `ts.` word: the image finds everything itself.
 * `panic=-1` restarts a machine whose kernel panics, so that the hypervisor sees an end.
 */
const kernelLines: Readonly<Record<Architecture, string>> = {
  amd64: 'console=tty0 console=ttyS0 quiet panic=-1',
  arm64: 'console=tty0 console=ttyAMA0 quiet panic=-1',
};

/** The kernel line of the ISO. */
export function kernelLine(architecture: Architecture): string {
  return kernelLines[architecture];
}

/** isolinux.cfg: the only entry starts after a tenth of a second; messages go to the serial line too. */
export function isolinuxConfig(line: string): string {
  return [
    'SERIAL 0',
    'PROMPT 0',
    'TIMEOUT 1',
    'DEFAULT tsmachine',
    'LABEL tsmachine',
    `  KERNEL ${KERNEL_PATH}`,
    `  INITRD ${INITRD_PATH}`,
    `  APPEND ${line}`,
    '',
  ].join('\n');
}

/** grub.cfg: no menu is drawn; the entry stays reachable when a key is held. */
export function grubConfig(line: string): string {
  return [
    'set timeout=0',
    'set default=0',
    "menuentry 'tsmachine' {",
    `  linux ${KERNEL_PATH} ${line}`,
    `  initrd ${INITRD_PATH}`,
    '}',
    '',
  ].join('\n');
}

/**
 * The volume id of the ISO. Programs made for boot2docker read it at a fixed place and take what follows the
 * first `-v` for the version of the engine.
 */
export function isoVolumeId(engineVersion: string): string {
  return `b2d-v${engineVersion}`;
}
