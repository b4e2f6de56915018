import { crc32c } from './crc32c.ts';
import {
  blockEntries,
  blockPresent,
  fileSignature,
  headerBytes,
  headerOffsets,
  headerSignature,
  items,
  logicalSectorBytes,
  mebibyte,
  metadataSignature,
  physicalSectorBytes,
  regionOffsets,
  regions,
  regionSignature,
  tableBytes,
} from './format.ts';
import { guidBytes } from './guid.ts';

/** What Microsoft advises for file systems of Linux: with larger blocks the file grows much faster than what is in it. */
const blockBytes = mebibyte;

const logBytes = mebibyte;
const metadataBytes = mebibyte;
const creator = 'tsmachine';
const entryBytes = 8;

/** A new disk. */
export interface NewDisk {
  /** As the guest sees it; a multiple of 512. */
  readonly diskBytes: number;
  /** Up to this size the disk can be enlarged without moving anything in its file. */
  readonly growsToBytes: number;
  /** What the disk begins with, at most 1 MiB; all else reads as zeros. */
  readonly content: Uint8Array;
  /** Three different random GUIDs: of the file, of the data and of the disk. */
  readonly guids: readonly [file: Uint8Array, data: Uint8Array, disk: Uint8Array];
}

/**
 * The file of a dynamically growing VHDX, whole: Hyper-V refuses files with holes. The table of blocks has room for
 * `growsToBytes`, 8 bytes for each MiB.
 */
export function dynamicVhdx(disk: NewDisk): Uint8Array {
  const { diskBytes, content, guids } = disk;
  const entries = blockEntries(Math.max(diskBytes, disk.growsToBytes), blockBytes);
  const tableLength = roundUp(entries * entryBytes, mebibyte);
  const logOffset = mebibyte;
  const metadataOffset = logOffset + logBytes;
  const tableOffset = metadataOffset + metadataBytes;
  const dataOffset = tableOffset + tableLength;
  const file = new Uint8Array(dataOffset + (content.length > 0 ? blockBytes : 0));
  file.set(fileIdentifier(), 0);
  headerOffsets.forEach((offset, index) => {
    const [fileGuid, dataGuid] = guids;
    file.set(vhdxHeader({ sequence: BigInt(index), fileGuid, dataGuid, logBytes, logOffset }), offset);
  });
  const table = regionTable({ tableOffset, tableLength, metadataOffset });
  for (const offset of regionOffsets) {
    file.set(table, offset);
  }
  file.set(metadata(diskBytes, guids[2]), metadataOffset);
  if (content.length > 0) {
    const megabytes = BigInt(dataOffset / mebibyte);
    new DataView(file.buffer).setBigUint64(tableOffset, (megabytes << 20n) | blockPresent, true);
    file.set(content, dataOffset);
  }
  return file;
}

function fileIdentifier(): Uint8Array {
  return Buffer.concat([Buffer.from(fileSignature), Buffer.from(creator, 'utf16le')]);
}

/** A header, for a file that was closed properly: its log is empty. */
export function vhdxHeader(header: {
  readonly sequence: bigint;
  /** To be another one after every time that the file was opened to be written. */
  readonly fileGuid: Uint8Array;
  readonly dataGuid: Uint8Array;
  readonly logBytes: number;
  readonly logOffset: number;
}): Uint8Array {
  const bytes = new Uint8Array(headerBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(headerSignature), 0);
  view.setBigUint64(8, header.sequence, true);
  bytes.set(header.fileGuid, 16);
  bytes.set(header.dataGuid, 32);
  view.setUint16(66, 1, true);
  view.setUint32(68, header.logBytes, true);
  view.setBigUint64(72, BigInt(header.logOffset), true);
  view.setUint32(4, crc32c(bytes), true);
  return bytes;
}

function regionTable(place: {
  readonly tableOffset: number;
  readonly tableLength: number;
  readonly metadataOffset: number;
}): Uint8Array {
  const bytes = new Uint8Array(tableBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(regionSignature), 0);
  const found = [
    { guid: regions.blocks, offset: place.tableOffset, length: place.tableLength },
    { guid: regions.metadata, offset: place.metadataOffset, length: metadataBytes },
  ];
  view.setUint32(8, found.length, true);
  found.forEach(({ guid, offset, length }, index) => {
    const at = 16 + index * 32;
    bytes.set(guidBytes(guid), at);
    view.setBigUint64(at + 16, BigInt(offset), true);
    view.setUint32(at + 24, length, true);
    // Whoever does not know this region cannot use the file.
    view.setUint32(at + 28, 1, true);
  });
  view.setUint32(4, crc32c(bytes), true);
  return bytes;
}

/** Flags of an item: it tells of the virtual disk, and whoever does not know it cannot use the file. */
const [ofDisk, isRequired] = [2, 4];

function metadata(diskBytes: number, diskId: Uint8Array): Uint8Array {
  const found = [
    { guid: items.fileParameters, value: numbers(blockBytes, 0), flags: isRequired },
    { guid: items.diskSize, value: sizeValue(diskBytes), flags: ofDisk | isRequired },
    { guid: items.diskId, value: diskId, flags: ofDisk | isRequired },
    { guid: items.logicalSector, value: numbers(logicalSectorBytes), flags: ofDisk | isRequired },
    { guid: items.physicalSector, value: numbers(physicalSectorBytes), flags: ofDisk | isRequired },
  ];
  const bytes = new Uint8Array(metadataBytes);
  const view = new DataView(bytes.buffer);
  bytes.set(Buffer.from(metadataSignature), 0);
  view.setUint16(10, found.length, true);
  let valueOffset = tableBytes;
  found.forEach(({ guid, value, flags }, index) => {
    const at = 32 + index * 32;
    bytes.set(guidBytes(guid), at);
    view.setUint32(at + 16, valueOffset, true);
    view.setUint32(at + 20, value.length, true);
    view.setUint32(at + 24, flags, true);
    bytes.set(value, valueOffset);
    valueOffset += value.length;
  });
  return bytes;
}

function numbers(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

/** The item that says how large the disk is. */
export function sizeValue(diskBytes: number): Uint8Array {
  return new Uint8Array(BigUint64Array.of(BigInt(diskBytes)).buffer);
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
