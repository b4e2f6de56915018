import { createHash } from 'node:crypto';
import {
  DIRECTORY_ENTRY_BYTES,
  FAT_COPIES,
  FIRST_CLUSTER,
  RESERVED_SECTORS,
  ROOT_ENTRIES,
  ROOT_SECTORS,
  SECTOR_BYTES,
  buildFatTree,
  chooseGeometry,
  directoryBytes,
} from './fat-geometry.ts';
import type { FatDirectory, FatFile, FatGeometry } from './fat-geometry.ts';
import { layoutError } from './layout-error.ts';

export type { FatFile };

/**
 * A FAT12 or FAT16 image with short names, as the EFI partition of a CD or disk needs it.
 * Format: Microsoft, "FAT: General Overview of On-Disk Format", version 1.03.
 */

const ATTRIBUTE_VOLUME = 0x08;
const ATTRIBUTE_DIRECTORY = 0x10;
const ATTRIBUTE_ARCHIVE = 0x20;

export interface FatOptions {
  readonly files: readonly FatFile[];
  /** Up to 11 letters and digits. */
  readonly label: string;
  /** Time of every file, in seconds since 1970; FAT begins with 1980. */
  readonly sourceDateEpoch: number;
  /** The volume's serial number is derived from this text. */
  readonly idSeed: string;
  /** Room beyond the files, in bytes. Default 0: the image is as small as possible. */
  readonly freeBytes?: number;
}

/** Date and time of FAT, in UTC: no time zone may be visible in the image. */
function dosTime(epochSeconds: number): { date: number; time: number } {
  const moment = new Date(Math.max(epochSeconds, Date.UTC(1980, 0, 1) / 1000) * 1000);
  const date =
    ((moment.getUTCFullYear() - 1980) << 9) | ((moment.getUTCMonth() + 1) << 5) | moment.getUTCDate();
  const time = (moment.getUTCHours() << 11) | (moment.getUTCMinutes() << 5) | (moment.getUTCSeconds() >> 1);
  return { date, time };
}

/** One image in the making: the clusters are handed out in order, each file in one run. */
class FatWriter {
  readonly image: Uint8Array;
  readonly #view: DataView;
  readonly #geometry: FatGeometry;
  readonly #epochSeconds: number;
  #nextCluster = FIRST_CLUSTER;

  constructor(geometry: FatGeometry, epochSeconds: number) {
    this.#geometry = geometry;
    this.#epochSeconds = epochSeconds;
    this.image = new Uint8Array(geometry.totalSectors * SECTOR_BYTES);
    this.#view = new DataView(this.image.buffer);
  }

  get rootOffset(): number {
    return (RESERVED_SECTORS + FAT_COPIES * this.#geometry.fatSectors) * SECTOR_BYTES;
  }

  /** Takes clusters for `sizeBytes`, links them, and returns the first; 0 for an empty file. */
  allocate(sizeBytes: number): number {
    const count = Math.ceil(sizeBytes / (this.#geometry.clusterSectors * SECTOR_BYTES));
    if (count === 0) {
      return 0;
    }
    const first = this.#nextCluster;
    this.#nextCluster += count;
    for (let cluster = first; cluster < first + count; cluster += 1) {
      this.setTableEntry(cluster, cluster === first + count - 1 ? 0xffff : cluster + 1);
    }
    return first;
  }

  setTableEntry(cluster: number, value: number): void {
    for (let copy = 0; copy < FAT_COPIES; copy += 1) {
      const table = (RESERVED_SECTORS + copy * this.#geometry.fatSectors) * SECTOR_BYTES;
      if (this.#geometry.isFat16) {
        this.#view.setUint16(table + cluster * 2, value, true);
        continue;
      }
      // FAT12 packs two entries into three bytes.
      const offset = table + Math.floor(cluster * 1.5);
      const old = this.#view.getUint16(offset, true);
      const packed =
        cluster % 2 === 0 ? (old & 0xf000) | (value & 0xfff) : (old & 0x000f) | ((value & 0xfff) << 4);
      this.#view.setUint16(offset, packed, true);
    }
  }

  clusterOffset(cluster: number): number {
    const dataOffset = this.rootOffset + ROOT_SECTORS * SECTOR_BYTES;
    return dataOffset + (cluster - FIRST_CLUSTER) * this.#geometry.clusterSectors * SECTOR_BYTES;
  }

  putEntry(
    offset: number,
    name: string,
    kind: { attribute: number; cluster: number; sizeBytes: number },
  ): void {
    const { date, time } = dosTime(this.#epochSeconds);
    this.image.set(new TextEncoder().encode(name), offset);
    this.image[offset + 11] = kind.attribute;
    this.#view.setUint16(offset + 14, time, true);
    this.#view.setUint16(offset + 16, date, true);
    this.#view.setUint16(offset + 18, date, true);
    this.#view.setUint16(offset + 22, time, true);
    this.#view.setUint16(offset + 24, date, true);
    this.#view.setUint16(offset + 26, kind.cluster, true);
    this.#view.setUint32(offset + 28, kind.sizeBytes, true);
  }

  /** Writes the children of a directory whose entries begin at `offset`, and everything below them. */
  putChildren(directory: FatDirectory, offset: number, ownCluster: number): void {
    let at = offset;
    for (const [name, child] of sortedByName(directory.directories)) {
      const cluster = this.allocate(directoryBytes(child));
      this.putEntry(at, name, { attribute: ATTRIBUTE_DIRECTORY, cluster, sizeBytes: 0 });
      at += DIRECTORY_ENTRY_BYTES;
      const childOffset = this.clusterOffset(cluster);
      this.putEntry(childOffset, '.'.padEnd(11), { attribute: ATTRIBUTE_DIRECTORY, cluster, sizeBytes: 0 });
      const parent = { attribute: ATTRIBUTE_DIRECTORY, cluster: ownCluster, sizeBytes: 0 };
      this.putEntry(childOffset + DIRECTORY_ENTRY_BYTES, '..'.padEnd(11), parent);
      this.putChildren(child, childOffset + 2 * DIRECTORY_ENTRY_BYTES, cluster);
    }
    for (const [name, bytes] of sortedByName(directory.files)) {
      const cluster = this.allocate(bytes.length);
      this.putEntry(at, name, { attribute: ATTRIBUTE_ARCHIVE, cluster, sizeBytes: bytes.length });
      at += DIRECTORY_ENTRY_BYTES;
      if (cluster !== 0) {
        this.image.set(bytes, this.clusterOffset(cluster));
      }
    }
  }
}

/** Names are ASCII here, so that the order of code units is the order of bytes. */
function sortedByName<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

function volumeSerial(idSeed: string): number {
  return createHash('sha256').update(`fat-volume-serial:${idSeed}`).digest().readUInt32LE(0);
}

/** The boot sector with its parameter block (pages 7 to 12). It has no code: nothing boots it by BIOS. */
function putBootSector(image: Uint8Array, geometry: FatGeometry, label: string, idSeed: string): void {
  const view = new DataView(image.buffer);
  const text = new TextEncoder();
  image.set([0xeb, 0x3c, 0x90]);
  image.set(text.encode('MSWIN4.1'), 3);
  view.setUint16(11, SECTOR_BYTES, true);
  image[13] = geometry.clusterSectors;
  view.setUint16(14, RESERVED_SECTORS, true);
  image[16] = FAT_COPIES;
  view.setUint16(17, ROOT_ENTRIES, true);
  const fitsSmallField = geometry.totalSectors < 0x10000;
  view.setUint16(19, fitsSmallField ? geometry.totalSectors : 0, true);
  image[21] = 0xf8;
  view.setUint16(22, geometry.fatSectors, true);
  view.setUint16(24, 32, true);
  view.setUint16(26, 64, true);
  view.setUint32(32, fitsSmallField ? 0 : geometry.totalSectors, true);
  image[36] = 0x80;
  image[38] = 0x29;
  view.setUint32(39, volumeSerial(idSeed), true);
  image.set(text.encode(label), 43);
  image.set(text.encode(geometry.isFat16 ? 'FAT16   ' : 'FAT12   '), 54);
  image[510] = 0x55;
  image[511] = 0xaa;
}

/**
 * A FAT12 or FAT16 volume without a partition table, as large as its files need. The same options give the
 * same bytes. Throws MachineError for names that are not short, names used twice, and more than about 2 GB.
 */
export function fatImage(options: FatOptions): Uint8Array {
  if (!/^[A-Za-z0-9 ]{1,11}$/.test(options.label)) {
    throw layoutError(`A FAT label is 1 to 11 letters and digits, not ${JSON.stringify(options.label)}.`);
  }
  const label = options.label.toUpperCase().padEnd(11);
  const root = buildFatTree(options.files);
  if (root.directories.size + root.files.size + 1 > ROOT_ENTRIES) {
    throw layoutError(`The root directory of the FAT image has room for ${ROOT_ENTRIES - 1} names only.`);
  }
  const geometry = chooseGeometry(root, options.freeBytes ?? 0);
  const writer = new FatWriter(geometry, options.sourceDateEpoch);
  putBootSector(writer.image, geometry, label, options.idSeed);
  // The first two entries of the table are the media byte and the clean flags, no clusters.
  writer.setTableEntry(0, 0xfff8);
  writer.setTableEntry(1, 0xffff);
  writer.putEntry(writer.rootOffset, label, { attribute: ATTRIBUTE_VOLUME, cluster: 0, sizeBytes: 0 });
  writer.putChildren(root, writer.rootOffset + DIRECTORY_ENTRY_BYTES, 0);
  return writer.image;
}
