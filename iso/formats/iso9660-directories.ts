import { SECTOR_BYTES } from './iso9660-encoding.ts';
import type { Extent } from './image-layout.ts';
import { directoryRecord, recordLength, systemUseRoom } from './iso9660-records.ts';
import type { DirectoryNode, LeafNode } from './iso9660-tree.ts';
import { CE_FIELD_BYTES, ceField, erField, fitFields, rockRidgeFields, spField } from './rock-ridge.ts';

/**
 * Directories in two passes: the first fixes every record's length and the place of what does not fit into it
 * (the continuation area), the second writes the records once all positions are known.
 */

interface PlannedRecord {
  readonly identifier: Uint8Array;
  readonly isDirectory: boolean;
  readonly node: LeafNode | DirectoryNode;
  readonly inRecord: Uint8Array;
  /** Byte range in the continuation area, or undefined when everything is in the record. */
  readonly continuation: { readonly offset: number; readonly lengthBytes: number } | undefined;
  /** Position in the directory's data. */
  readonly offset: number;
}

export interface PlannedDirectory {
  readonly node: DirectoryNode;
  readonly sizeBytes: number;
  readonly records: readonly PlannedRecord[];
}

export interface DirectoryPlan {
  readonly directories: readonly PlannedDirectory[];
  readonly continuationArea: Uint8Array;
}

/** Collects continuation fields; a piece never crosses a sector boundary, because readers map one sector. */
class ContinuationArea {
  private readonly pieces: { offset: number; bytes: Uint8Array }[] = [];
  private end = 0;

  add(bytes: Uint8Array): { offset: number; lengthBytes: number } {
    const roomInSector = SECTOR_BYTES - (this.end % SECTOR_BYTES);
    const offset = bytes.length > roomInSector ? this.end + roomInSector : this.end;
    this.pieces.push({ offset, bytes });
    this.end = offset + bytes.length;
    return { offset, lengthBytes: bytes.length };
  }

  toBytes(): Uint8Array {
    const area = new Uint8Array(this.end);
    for (const piece of this.pieces) {
      area.set(piece.bytes, piece.offset);
    }
    return area;
  }
}

function linkCount(node: LeafNode | DirectoryNode): number {
  if (node.kind !== 'directory') {
    return node.linkCount;
  }
  return 2 + node.children.filter((child) => child.kind === 'directory').length;
}

/** The records of one directory in order: itself, its parent, its children. */
function recordSources(
  directory: DirectoryNode,
): { identifier: Uint8Array; node: LeafNode | DirectoryNode; role: 'self' | 'parent' | 'child' }[] {
  const encoder = new TextEncoder();
  return [
    { identifier: Uint8Array.of(0), node: directory, role: 'self' },
    { identifier: Uint8Array.of(1), node: directory.parent ?? directory, role: 'parent' },
    ...directory.children.map((node) => ({
      identifier: encoder.encode(node.identifier),
      node,
      role: 'child' as const,
    })),
  ];
}

function planDirectory(
  directory: DirectoryNode,
  mtimeSeconds: number,
  area: ContinuationArea,
): PlannedDirectory {
  const records: PlannedRecord[] = [];
  let end = 0;
  for (const { identifier, node, role } of recordSources(directory)) {
    const fields = rockRidgeFields({
      mode: node.mode,
      linkCount: linkCount(node),
      mtimeSeconds,
      name: role === 'child' ? node.name : undefined,
      symlinkTarget: role === 'child' && node.kind === 'symlink' ? node.target : undefined,
    });
    if (role === 'self' && directory.parent === undefined) {
      fields.unshift(spField());
      fields.push(erField());
    }
    const fitted = fitFields(fields, systemUseRoom(identifier.length));
    const continuation = fitted.continued.length === 0 ? undefined : area.add(fitted.continued);
    const systemUseBytes = fitted.inRecord.length + (continuation === undefined ? 0 : CE_FIELD_BYTES);
    const lengthBytes = recordLength(identifier.length, systemUseBytes);
    const roomInSector = SECTOR_BYTES - (end % SECTOR_BYTES);
    // ECMA-119 clause 7.8.1.1: a record ends in the sector in which it begins.
    const offset = lengthBytes > roomInSector ? end + roomInSector : end;
    const isDirectory = node.kind === 'directory';
    records.push({ identifier, isDirectory, node, inRecord: fitted.inRecord, continuation, offset });
    end = offset + lengthBytes;
  }
  return { node: directory, sizeBytes: Math.ceil(end / SECTOR_BYTES) * SECTOR_BYTES, records };
}

/** First pass, over the directories in path table order. */
export function planDirectories(directories: readonly DirectoryNode[], mtimeSeconds: number): DirectoryPlan {
  const area = new ContinuationArea();
  const planned = directories.map((directory) => planDirectory(directory, mtimeSeconds, area));
  return { directories: planned, continuationArea: area.toBytes() };
}

/** Second pass: the data of one directory, whole sectors. */
export function encodeDirectory(
  planned: PlannedDirectory,
  options: {
    readonly mtimeSeconds: number;
    readonly continuationLba: number;
    readonly extentOf: (node: LeafNode | DirectoryNode) => Extent;
  },
): Uint8Array {
  const data = new Uint8Array(planned.sizeBytes);
  for (const record of planned.records) {
    const { continuation } = record;
    let systemUse = record.inRecord;
    if (continuation !== undefined) {
      const lba = options.continuationLba + Math.floor(continuation.offset / SECTOR_BYTES);
      const pointer = ceField(lba, continuation.offset % SECTOR_BYTES, continuation.lengthBytes);
      systemUse = new Uint8Array(record.inRecord.length + pointer.length);
      systemUse.set(record.inRecord);
      systemUse.set(pointer, record.inRecord.length);
    }
    const { identifier, isDirectory } = record;
    const extent = options.extentOf(record.node);
    const { mtimeSeconds } = options;
    data.set(directoryRecord({ identifier, isDirectory, extent, mtimeSeconds, systemUse }), record.offset);
  }
  return data;
}
