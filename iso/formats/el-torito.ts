import { SECTOR_BYTES, putText, viewOf } from './iso9660-encoding.ts';
import { layoutError } from './layout-error.ts';

/**
 * Boot records of bootable CDs: "El Torito" Bootable CD-ROM Format Specification 1.0, with the section entry
 * for UEFI (platform 0xEF, UEFI specification 13.3.2.1), and the boot info table of mkisofs and isolinux.
 */

export const PLATFORM_X86 = 0x00;
export const PLATFORM_UEFI = 0xef;

const BOOTABLE = 0x88;
const LAST_SECTION = 0x91;
const SECTOR_COUNT_MAX = 0xffff;

export interface BootEntry {
  readonly platform: typeof PLATFORM_X86 | typeof PLATFORM_UEFI;
  /** Position of the boot image in the ISO, in sectors of 2048 bytes. */
  readonly lba: number;
  /** How much the firmware loads, in sectors of 512 bytes. */
  readonly loadSectors: number;
}

/** The boot record volume descriptor, which must be in sector 17. */
export function bootRecordDescriptor(catalogLba: number): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  putText(sector, 1, 5, 'CD001');
  sector[6] = 1;
  // The specification fills this identifier with NUL, unlike all other texts of a volume descriptor.
  sector.set(new TextEncoder().encode('EL TORITO SPECIFICATION'), 7);
  viewOf(sector).setUint32(0x47, catalogLba, true);
  return sector;
}

function putEntry(target: Uint8Array, offset: number, entry: BootEntry): void {
  if (entry.loadSectors < 1 || entry.loadSectors > SECTOR_COUNT_MAX) {
    throw layoutError(
      `a boot image has ${entry.loadSectors} sectors of 512 bytes, the boot catalogue holds at most ${SECTOR_COUNT_MAX}`,
    );
  }
  const view = viewOf(target);
  // Media type, load segment and system type stay 0: no emulation, default segment.
  target[offset] = BOOTABLE;
  view.setUint16(offset + 6, entry.loadSectors, true);
  view.setUint32(offset + 8, entry.lba, true);
}

/**
 * The boot catalogue, one sector: validation entry, the first boot entry as default, each further one in a
 * section of its own. Throws MachineError for no entries, too many, or a boot image of 32 MiB and more.
 */
export function bootCatalog(entries: readonly BootEntry[]): Uint8Array {
  const [first, ...others] = entries;
  if (first === undefined || others.length > 30) {
    throw layoutError(`a boot catalogue holds 1 to 31 entries, not ${entries.length}`);
  }
  const catalog = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(catalog);
  catalog[0] = 1;
  catalog[1] = first.platform;
  catalog[30] = 0x55;
  catalog[31] = 0xaa;
  let sum = 0;
  for (let offset = 0; offset < 32; offset += 2) {
    sum += view.getUint16(offset, true);
  }
  view.setUint16(28, -sum & 0xffff, true);
  putEntry(catalog, 32, first);
  others.forEach((entry, index) => {
    const offset = 64 + index * 64;
    catalog[offset] = index === others.length - 1 ? LAST_SECTION : LAST_SECTION - 1;
    catalog[offset + 1] = entry.platform;
    view.setUint16(offset + 2, 1, true);
    putEntry(catalog, offset + 32, entry);
  });
  return catalog;
}

/** A copy of isolinux.bin with the boot info table at byte 8, by which it finds its own rest on the CD. */
export function withBootInfoTable(
  loader: Uint8Array,
  loaderLba: number,
  volumeDescriptorLba: number,
): Uint8Array {
  const patched = Uint8Array.from(loader);
  const view = viewOf(patched);
  let sum = 0;
  // The table itself, bytes 8 to 63, is not part of the sum; a last incomplete word counts as filled with 0.
  for (let offset = 64; offset < patched.length; offset += 4) {
    const word = new Uint8Array(4);
    word.set(patched.subarray(offset, offset + 4));
    sum = (sum + viewOf(word).getUint32(0, true)) >>> 0;
  }
  patched.fill(0, 8, 64);
  view.setUint32(8, volumeDescriptorLba, true);
  view.setUint32(12, loaderLba, true);
  view.setUint32(16, loader.length, true);
  view.setUint32(20, sum, true);
  return patched;
}
