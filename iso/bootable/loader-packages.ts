import type { Architecture, PackageSelection } from '../packages.ts';

/**
 * The prebuilt boot loaders of the ISO and the Debian packages that they come from. Nothing is linked or signed
 * here: shim carries Microsoft's signature and GRUB Debian's, so that they start with Secure Boot on.
 */

/** Debian's packages of loaders, in the form of iso/packages.ts. */
const loaderSelections: readonly PackageSelection[] = [
  {
    name: 'isolinux',
    take: ['usr/lib/ISOLINUX/isolinux.bin', 'usr/lib/ISOLINUX/isohdpfx.bin'],
    only: ['amd64'],
  },
  { name: 'syslinux-common', take: ['usr/lib/syslinux/modules/bios/ldlinux.c32'], only: ['amd64'] },
  { name: 'shim-signed', take: ['usr/lib/shim/shimx64.efi.signed'], only: ['amd64'] },
  { name: 'shim-signed', take: ['usr/lib/shim/shimaa64.efi.signed'], only: ['arm64'] },
  {
    name: 'grub-efi-amd64-signed',
    take: ['usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed'],
    only: ['amd64'],
  },
  {
    name: 'grub-efi-arm64-signed',
    take: ['usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed'],
    only: ['arm64'],
  },
];

/** The packages of one architecture. */
export function loaderSelectionsFor(architecture: Architecture): readonly PackageSelection[] {
  return loaderSelections.filter((selection) => selection.only?.includes(architecture) ?? true);
}

/** The loaders of one architecture, as bytes. */
export interface BootLoaders {
  /** First stage for UEFI, signed by Microsoft. */
  readonly shim: Uint8Array;
  /** GRUB as built for CDs, signed by Debian; shim starts it. */
  readonly grub: Uint8Array;
  /** For BIOS; undefined on architectures that have none. */
  readonly bios: BiosLoaders | undefined;
}

export interface BiosLoaders {
  /** isolinux.bin: started by the firmware from a CD. */
  readonly isolinux: Uint8Array;
  /** ldlinux.c32: the part that isolinux.bin loads from its own directory. */
  readonly ldlinux: Uint8Array;
  /** isohdpfx.bin, 432 bytes: boot code for the MBR, which finds isolinux.bin on a disk. */
  readonly mbrCode: Uint8Array;
}

/** Where each loader lies inside the packages above. */
const loaderPaths = {
  amd64: {
    shim: 'usr/lib/shim/shimx64.efi.signed',
    grub: 'usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed',
    bios: {
      isolinux: 'usr/lib/ISOLINUX/isolinux.bin',
      ldlinux: 'usr/lib/syslinux/modules/bios/ldlinux.c32',
      mbrCode: 'usr/lib/ISOLINUX/isohdpfx.bin',
    },
  },
  arm64: {
    shim: 'usr/lib/shim/shimaa64.efi.signed',
    grub: 'usr/lib/grub/arm64-efi-signed/gcdaa64.efi.signed',
    bios: undefined,
  },
} as const;

/**
 * Collects the loaders of an architecture. `read` gives the bytes of a file by its path inside its package,
 * without a leading slash, and throws when there is none.
 */
export function collectLoaders(architecture: Architecture, read: (path: string) => Uint8Array): BootLoaders {
  const paths = loaderPaths[architecture];
  return {
    shim: read(paths.shim),
    grub: read(paths.grub),
    bios:
      paths.bios === undefined
        ? undefined
        : {
            isolinux: read(paths.bios.isolinux),
            ldlinux: read(paths.bios.ldlinux),
            mbrCode: read(paths.bios.mbrCode),
          },
  };
}
