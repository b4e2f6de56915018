import { stat } from 'node:fs/promises';
import { fatImage } from '../formats/fat.ts';
import type { ImageContent } from '../formats/image-layout.ts';
import { layoutIso9660 } from '../formats/iso9660.ts';
import type { IsoBootOptions, IsoEntry } from '../formats/iso9660.ts';
import { withPartitionTables } from '../formats/isohybrid.ts';
import type { Architecture } from '../packages.ts';
import {
  DISK_INFO_PATH,
  GRUB_CONFIG_PATH,
  INITRD_PATH,
  KERNEL_ALIAS_PATH,
  KERNEL_PATH,
  grubConfig,
  isolinuxConfig,
  kernelLine,
} from './boot-config.ts';
import type { BiosLoaders, BootLoaders } from './loader-packages.ts';
import { rootKindOf } from './root-kind.ts';
import { writeImage } from './write-image.ts';

const BIOS_LOADER_PATH = '/isolinux/isolinux.bin';
const EFI_IMAGE_PATH = '/boot/efi.img';

/** Names of the loaders on the EFI partition: UEFI's fixed name for shim, shim's fixed name for what follows. */
const efiNames: Readonly<Record<Architecture, { readonly shim: string; readonly grub: string }>> = {
  amd64: { shim: 'EFI/BOOT/BOOTX64.EFI', grub: 'EFI/BOOT/GRUBX64.EFI' },
  arm64: { shim: 'EFI/BOOT/BOOTAA64.EFI', grub: 'EFI/BOOT/GRUBAA64.EFI' },
};

export interface AssembleIsoOptions {
  readonly architecture: Architecture;
  /**
   * Debian's kernel as it is in its package. The arm64 Image stays uncompressed too: GRUB checks its signature
   * before it unpacks, so that a compressed one does not start with Secure Boot.
   */
  readonly vmlinuzPath: string;
  readonly initrdPath: string;
  /** The root file system, EROFS or squashfs; its magic number decides its name in the ISO. */
  readonly rootPath: string;
  readonly loaders: BootLoaders;
  /** Old programs take the version out of it: text ending in `-vVERSION`, at most 32 characters. */
  readonly volumeId: string;
  /** Time of every file, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  /** Ids of disk, partitions and FAT volume are derived from this text: the hash of what the image is made of. */
  readonly idSeed: string;
  readonly outputPath: string;
}

/** What was written. */
export interface AssembledIso {
  readonly path: string;
  readonly sizeBytes: number;
}

function textContent(text: string): ImageContent {
  return { bytes: new TextEncoder().encode(text) };
}

async function fileContent(filePath: string): Promise<ImageContent> {
  const { size } = await stat(filePath);
  return { filePath, sizeBytes: size };
}

function biosEntries(bios: BiosLoaders, line: string): IsoEntry[] {
  return [
    { kind: 'file', path: BIOS_LOADER_PATH, content: { bytes: bios.isolinux } },
    { kind: 'file', path: '/isolinux/ldlinux.c32', content: { bytes: bios.ldlinux } },
    { kind: 'file', path: '/isolinux/isolinux.cfg', content: textContent(isolinuxConfig(line)) },
  ];
}

function efiImage(options: AssembleIsoOptions): Uint8Array {
  const names = efiNames[options.architecture];
  return fatImage({
    files: [
      { path: names.shim, bytes: options.loaders.shim },
      { path: names.grub, bytes: options.loaders.grub },
    ],
    label: 'TSMEFI',
    sourceDateEpoch: options.sourceDateEpoch,
    idSeed: options.idSeed,
  });
}

async function isoEntries(options: AssembleIsoOptions): Promise<IsoEntry[]> {
  const { architecture, loaders } = options;
  const line = kernelLine(architecture);
  const rootName = `/root.${await rootKindOf(options.rootPath)}`;
  const info = `tsmachine ${architecture} ${options.idSeed}\n`;
  return [
    ...(loaders.bios === undefined ? [] : biosEntries(loaders.bios, line)),
    { kind: 'file', path: DISK_INFO_PATH, content: textContent(info) },
    { kind: 'file', path: GRUB_CONFIG_PATH, content: textContent(grubConfig(line)) },
    { kind: 'file', path: EFI_IMAGE_PATH, content: { bytes: efiImage(options) } },
    { kind: 'file', path: KERNEL_PATH, content: await fileContent(options.vmlinuzPath) },
    { kind: 'alias', path: KERNEL_ALIAS_PATH, of: KERNEL_PATH },
    {
      kind: 'file',
      path: INITRD_PATH,
      content: await fileContent(options.initrdPath),
    },
    { kind: 'file', path: rootName, content: await fileContent(options.rootPath) },
  ];
}

/**
 * Makes the hybrid ISO: it boots from a CD and from a disk, by UEFI with and without Secure Boot, on amd64 by
 * BIOS too. The same inputs give the same bytes. Throws MachineError when an input is not what it should be.
 */
export async function assembleIso(options: AssembleIsoOptions): Promise<AssembledIso> {
  const { bios } = options.loaders;
  const boot: IsoBootOptions = {
    catalogPath: bios === undefined ? '/boot/boot.cat' : '/isolinux/boot.cat',
    biosPath: bios === undefined ? undefined : BIOS_LOADER_PATH,
    efiPath: EFI_IMAGE_PATH,
  };
  const { volumeId, sourceDateEpoch, idSeed, outputPath } = options;
  const volume = layoutIso9660({ entries: await isoEntries(options), volumeId, sourceDateEpoch, boot });
  const image = withPartitionTables(volume, {
    mbrCode: bios?.mbrCode,
    biosPath: boot.biosPath,
    efiPath: EFI_IMAGE_PATH,
    idSeed,
  });
  await writeImage(image, outputPath);
  return { path: outputPath, sizeBytes: image.sizeBytes };
}
