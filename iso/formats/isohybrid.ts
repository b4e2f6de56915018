import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { Extent, ImageLayout } from './image-layout.ts';
import { layoutError } from './layout-error.ts';

/**
 * Makes an ISO 9660 image bootable as a disk too (USB stick, virtual disk): syslinux' MBR code with a partition
 * table, and a GUID partition table, in the system area that ISO 9660 leaves free.
 * Formats: isohybrid of syslinux 6 (MBR), UEFI specification 5.3 (GPT).
 */

const BLOCK_BYTES = 512;
const BLOCKS_PER_SECTOR = 4;
const MBR_CODE_BYTES = 432;
const GPT_ENTRY_BYTES = 128;
const GPT_ENTRIES = 128;
const GPT_TABLE_BLOCKS = (GPT_ENTRY_BYTES * GPT_ENTRIES) / BLOCK_BYTES;
const FIRST_USABLE_BLOCK = 2 + GPT_TABLE_BLOCKS;
/** One cylinder of the geometry that the MBR code expects: 64 heads of 32 sectors. */
const CYLINDER_BYTES = 64 * 32 * BLOCK_BYTES;
const TYPE_EMPTY = 0x00;
const TYPE_EFI = 0xef;
/** "Basic data": systems leave it alone, and firmware looks into it for EFI/BOOT. */
const BASIC_DATA = 'EBD0A0A2-B9E5-4433-87C0-68B6B72699C7';

export interface HybridOptions {
  /** isohdpfx.bin of syslinux: 432 bytes of boot code. Undefined when the ISO has no BIOS loader. */
  readonly mbrCode: Uint8Array | undefined;
  /** Path of isolinux.bin, which the boot code loads. */
  readonly biosPath: string | undefined;
  /** Path of the FAT image with the UEFI loaders. */
  readonly efiPath: string;
  /** The ids of disk and partitions are derived from this text. */
  readonly idSeed: string;
}

interface Partition {
  readonly name: string;
  readonly firstBlock: number;
  readonly blockCount: number;
}

function seededBytes(idSeed: string, purpose: string): Buffer {
  return createHash('sha256').update(`isohybrid-${purpose}:${idSeed}`).digest();
}

/** A GUID in its mixed byte order, with the bits of a version 8 (custom) id. */
function seededGuid(idSeed: string, purpose: string): Uint8Array {
  const guid = Uint8Array.from(seededBytes(idSeed, purpose).subarray(0, 16));
  guid[7] = ((guid[7] ?? 0) & 0x0f) | 0x80;
  guid[8] = ((guid[8] ?? 0) & 0x3f) | 0x80;
  return guid;
}

function guidBytes(text: string): Uint8Array {
  const hex = text.replaceAll('-', '');
  const plain = Uint8Array.from({ length: 16 }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16));
  // The first three groups are stored little endian.
  const order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
  return Uint8Array.from(order, (index) => plain[index] ?? 0);
}

function extentOf(layout: ImageLayout, path: string): Extent {
  const extent = layout.extents.get(path);
  if (extent === undefined) {
    throw layoutError(`${path} is not among the files of the ISO image.`);
  }
  return extent;
}

function cylinderAddress(block: number): [number, number, number] {
  const cylinder = Math.min(1023, Math.floor(block / (64 * 32)));
  const head = Math.floor(block / 32) % 64;
  const sector = (block % 32) + 1;
  return [head, sector | ((cylinder >> 2) & 0xc0), cylinder & 0xff];
}

function putMbrPartition(
  mbr: Uint8Array,
  slot: number,
  kind: { readonly type: number; readonly active: boolean },
  at: Partition,
): void {
  const offset = 446 + slot * 16;
  const view = new DataView(mbr.buffer, mbr.byteOffset);
  mbr.set([kind.active ? 0x80 : 0, ...cylinderAddress(at.firstBlock)], offset);
  mbr.set([kind.type, ...cylinderAddress(at.firstBlock + at.blockCount - 1)], offset + 4);
  view.setUint32(offset + 8, at.firstBlock, true);
  view.setUint32(offset + 12, at.blockCount, true);
}

function masterBootRecord(
  layout: ImageLayout,
  options: HybridOptions,
  partitions: readonly Partition[],
): Uint8Array {
  const mbr = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(mbr.buffer);
  const bootable = options.mbrCode !== undefined && options.biosPath !== undefined;
  if (options.mbrCode !== undefined && options.biosPath !== undefined) {
    if (options.mbrCode.length !== MBR_CODE_BYTES) {
      throw layoutError(`The MBR code has ${options.mbrCode.length} bytes instead of ${MBR_CODE_BYTES}.`);
    }
    mbr.set(options.mbrCode);
    view.setUint32(432, extentOf(layout, options.biosPath).lba * BLOCKS_PER_SECTOR, true);
  }
  view.setUint32(440, seededBytes(options.idSeed, 'disk').readUInt32LE(0), true);
  const [whole, efi] = partitions;
  if (whole !== undefined && efi !== undefined) {
    // Type 0 for the whole image: a real type would overlap the EFI partition, and firmware refuses a table with
    // overlaps. Linux shows the partition nevertheless.
    putMbrPartition(mbr, 0, { type: TYPE_EMPTY, active: bootable }, whole);
    putMbrPartition(mbr, 1, { type: TYPE_EFI, active: false }, efi);
  }
  mbr[510] = 0x55;
  mbr[511] = 0xaa;
  return mbr;
}

function gptTable(idSeed: string, partitions: readonly Partition[]): Uint8Array {
  const table = new Uint8Array(GPT_ENTRY_BYTES * GPT_ENTRIES);
  const view = new DataView(table.buffer);
  partitions.forEach((partition, index) => {
    const offset = index * GPT_ENTRY_BYTES;
    table.set(guidBytes(BASIC_DATA), offset);
    table.set(seededGuid(idSeed, `partition-${index + 1}`), offset + 16);
    view.setBigUint64(offset + 32, BigInt(partition.firstBlock), true);
    view.setBigUint64(offset + 40, BigInt(partition.firstBlock + partition.blockCount - 1), true);
    table.set(Buffer.from(partition.name, 'utf16le'), offset + 56);
  });
  return table;
}

function gptHeader(
  table: Uint8Array,
  idSeed: string,
  place: { ownBlock: number; otherBlock: number; tableBlock: number; lastUsableBlock: number },
): Uint8Array {
  const header = new Uint8Array(BLOCK_BYTES);
  const view = new DataView(header.buffer);
  header.set(new TextEncoder().encode('EFI PART'));
  view.setUint32(8, 0x00010000, true);
  view.setUint32(12, 92, true);
  view.setBigUint64(24, BigInt(place.ownBlock), true);
  view.setBigUint64(32, BigInt(place.otherBlock), true);
  view.setBigUint64(40, BigInt(FIRST_USABLE_BLOCK), true);
  view.setBigUint64(48, BigInt(place.lastUsableBlock), true);
  header.set(seededGuid(idSeed, 'disk'), 56);
  view.setBigUint64(72, BigInt(place.tableBlock), true);
  view.setUint32(80, GPT_ENTRIES, true);
  view.setUint32(84, GPT_ENTRY_BYTES, true);
  view.setUint32(88, crc32(table), true);
  view.setUint32(16, crc32(header.subarray(0, 92)), true);
  return header;
}

/**
 * The same image with partition tables in its first 32 KiB and a backup table after its end, padded to whole
 * cylinders. Throws MachineError when a named file is not in the image or the boot code has a wrong length.
 */
export function withPartitionTables(layout: ImageLayout, options: HybridOptions): ImageLayout {
  const backupBytes = (GPT_TABLE_BLOCKS + 1) * BLOCK_BYTES;
  const sizeBytes = Math.ceil((layout.sizeBytes + backupBytes) / CYLINDER_BYTES) * CYLINDER_BYTES;
  const blockCount = sizeBytes / BLOCK_BYTES;
  const efi = extentOf(layout, options.efiPath);
  const lastUsableBlock = blockCount - GPT_TABLE_BLOCKS - 2;
  const efiPartition: Partition = {
    name: 'EFI',
    firstBlock: efi.lba * BLOCKS_PER_SECTOR,
    blockCount: Math.ceil(efi.sizeBytes / BLOCK_BYTES),
  };
  const mbr = masterBootRecord(layout, options, [{ name: 'ISO', firstBlock: 0, blockCount }, efiPartition]);
  const volume = { name: 'ISO', firstBlock: 0, blockCount: layout.sizeBytes / BLOCK_BYTES };
  const table = gptTable(options.idSeed, [volume, efiPartition]);
  const lastBlock = blockCount - 1;
  const backupTableBlock = lastBlock - GPT_TABLE_BLOCKS;
  const primary = { ownBlock: 1, otherBlock: lastBlock, tableBlock: 2, lastUsableBlock };
  const backup = { ownBlock: lastBlock, otherBlock: 1, tableBlock: backupTableBlock, lastUsableBlock };
  const at = (block: number, bytes: Uint8Array): ImageLayout['parts'][number] => ({
    offsetBytes: block * BLOCK_BYTES,
    content: { bytes },
  });
  return {
    sizeBytes,
    extents: layout.extents,
    parts: [
      at(0, mbr),
      at(1, gptHeader(table, options.idSeed, primary)),
      at(2, table),
      ...layout.parts,
      at(backupTableBlock, table),
      at(lastBlock, gptHeader(table, options.idSeed, backup)),
    ],
  };
}
