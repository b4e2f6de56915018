import type { Extent } from './image-layout.ts';
import {
  SECTOR_BYTES,
  putBoth16,
  putBoth32,
  putText,
  recordDate,
  viewOf,
  volumeDate,
} from './iso9660-encoding.ts';
import type { DirectoryNode } from './iso9660-tree.ts';

/** The descriptors, path tables and directory records of ECMA-119. */

export const VOLUME_DESCRIPTOR_LBA = 16;
export const VOLUME_ID_BYTES_MAX = 32;
const RECORD_BYTES_MAX = 254;
const FLAG_DIRECTORY = 0x02;

export interface RecordOptions {
  readonly identifier: Uint8Array;
  readonly isDirectory: boolean;
  readonly extent: Extent;
  readonly mtimeSeconds: number;
  /** System use fields, already fitted into `systemUseRoom()`. */
  readonly systemUse: Uint8Array;
}

function systemUseOffset(identifierBytes: number): number {
  // An identifier of even length is followed by one pad byte, so that the system use field starts even.
  return 33 + identifierBytes + (identifierBytes % 2 === 0 ? 1 : 0);
}

/** How many bytes of system use fields a record has room for. */
export function systemUseRoom(identifierBytes: number): number {
  return RECORD_BYTES_MAX - systemUseOffset(identifierBytes);
}

/** Length of a directory record in bytes, always even. */
export function recordLength(identifierBytes: number, systemUseBytes: number): number {
  const length = systemUseOffset(identifierBytes) + systemUseBytes;
  return length + (length % 2);
}

/** One directory record (clause 10.1). */
export function directoryRecord(options: RecordOptions): Uint8Array {
  const { identifier, extent, systemUse } = options;
  const record = new Uint8Array(recordLength(identifier.length, systemUse.length));
  record[0] = record.length;
  putBoth32(record, 2, extent.lba);
  putBoth32(record, 10, extent.sizeBytes);
  record.set(recordDate(options.mtimeSeconds), 18);
  record[25] = options.isDirectory ? FLAG_DIRECTORY : 0;
  putBoth16(record, 28, 1);
  record[32] = identifier.length;
  record.set(identifier, 33);
  record.set(systemUse, systemUseOffset(identifier.length));
  return record;
}

export interface VolumeFacts {
  readonly volumeId: string;
  readonly sourceDateEpoch: number;
  readonly volumeSectors: number;
  readonly pathTableBytes: number;
  readonly pathTableLba: { readonly little: number; readonly big: number };
  readonly rootExtent: Extent;
}

/** The primary volume descriptor (clause 9.4), one sector. */
export function primaryVolumeDescriptor(facts: VolumeFacts): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  const view = viewOf(sector);
  sector[0] = 1;
  putText(sector, 1, 5, 'CD001');
  sector[6] = 1;
  putText(sector, 8, 32, 'LINUX');
  putText(sector, 40, VOLUME_ID_BYTES_MAX, facts.volumeId);
  putBoth32(sector, 80, facts.volumeSectors);
  putBoth16(sector, 120, 1);
  putBoth16(sector, 124, 1);
  putBoth16(sector, 128, SECTOR_BYTES);
  putBoth32(sector, 132, facts.pathTableBytes);
  view.setUint32(140, facts.pathTableLba.little, true);
  view.setUint32(148, facts.pathTableLba.big, false);
  const rootRecord = directoryRecord({
    identifier: Uint8Array.of(0),
    isDirectory: true,
    extent: facts.rootExtent,
    mtimeSeconds: facts.sourceDateEpoch,
    systemUse: new Uint8Array(0),
  });
  sector.set(rootRecord, 156);
  putText(sector, 190, 128, '');
  putText(sector, 318, 128, '');
  putText(sector, 446, 128, '');
  putText(sector, 574, 128, 'TSMACHINE');
  putText(sector, 702, 111, '');
  sector.set(volumeDate(facts.sourceDateEpoch), 813);
  sector.set(volumeDate(facts.sourceDateEpoch), 830);
  sector.set(volumeDate(undefined), 847);
  sector.set(volumeDate(undefined), 864);
  sector[881] = 1;
  return sector;
}

/** The volume descriptor set terminator (clause 9.3), one sector. */
export function terminatorDescriptor(): Uint8Array {
  const sector = new Uint8Array(SECTOR_BYTES);
  sector[0] = 255;
  putText(sector, 1, 5, 'CD001');
  sector[6] = 1;
  return sector;
}

function identifierBytes(directory: DirectoryNode): Uint8Array {
  return new TextEncoder().encode(directory.identifier);
}

/** Length in bytes of a path table over these directories; the same for both byte orders. */
export function pathTableLength(directories: readonly DirectoryNode[]): number {
  return directories.reduce((sum, directory) => {
    const length = identifierBytes(directory).length;
    return sum + 8 + length + (length % 2);
  }, 0);
}

/** A path table (clause 7.9): type L when `littleEndian`, else type M. `lbaOf` gives a directory's extent. */
export function pathTable(
  directories: readonly DirectoryNode[],
  lbaOf: (directory: DirectoryNode) => number,
  littleEndian: boolean,
): Uint8Array {
  const table = new Uint8Array(pathTableLength(directories));
  const view = viewOf(table);
  const numbers = new Map(directories.map((directory, index) => [directory, index + 1]));
  let offset = 0;
  for (const directory of directories) {
    const identifier = identifierBytes(directory);
    table[offset] = identifier.length;
    view.setUint32(offset + 2, lbaOf(directory), littleEndian);
    view.setUint16(offset + 6, numbers.get(directory.parent ?? directory) ?? 1, littleEndian);
    table.set(identifier, offset + 8);
    offset += 8 + identifier.length + (identifier.length % 2);
  }
  return table;
}
