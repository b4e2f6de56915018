import { crc32c } from './crc32c.ts';
import {
  blockEntries,
  headerBytes,
  headerOffsets,
  headerSignature,
  items,
  metadataSignature,
  regionOffsets,
  regions,
  regionSignature,
  tableBytes,
} from './format.ts';
import { sizeValue, vhdxHeader } from './build.ts';
import { isGuid, isNilGuid } from './guid.ts';

/** Bytes of a file, fewer at its end. */
export type ReadRange = (offset: number, lengthMaxBytes: number) => Promise<Uint8Array>;

/** What a VHDX says of itself. */
export interface VhdxFacts {
  readonly diskBytes: number;
  readonly blockBytes: number;
  /** The disk shows what has changed in it since another one. */
  readonly hasParent: boolean;
  /** False when what is in its log has to be carried out first, as after a power cut. */
  readonly isClean: boolean;
  /** Entries for which its table of blocks has room. */
  readonly entriesMax: number;
  readonly diskSizeOffset: number;
  readonly header: VhdxHeader;
}

interface VhdxHeader {
  /** Place of the other header, which is the next to be written. */
  readonly otherOffset: number;
  readonly sequence: bigint;
  readonly dataGuid: Uint8Array;
  readonly logBytes: number;
  readonly logOffset: number;
  readonly isClean: boolean;
}

/** Bytes to be written into a file, each on the disk before the next. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const headerCount = headerOffsets.length;

/** Reads the structures of a VHDX; undefined when it is none, or a damaged one. */
export async function readVhdx(read: ReadRange): Promise<VhdxFacts | undefined> {
  const header = await currentHeader(read);
  const found = await readRegions(read);
  if (header === undefined || found === undefined) {
    return undefined;
  }
  const places = metadataPlaces(await read(found.metadataOffset, tableBytes), found.metadataOffset);
  const [parameters, diskSize] = [places(items.fileParameters), places(items.diskSize)];
  if (parameters === undefined || diskSize === undefined) {
    return undefined;
  }
  const [parameterView, sizeView] = [viewOf(await read(parameters, 8)), viewOf(await read(diskSize, 8))];
  if (parameterView.byteLength < 8 || sizeView.byteLength < 8) {
    return undefined;
  }
  return {
    diskBytes: Number(sizeView.getBigUint64(0, true)),
    blockBytes: parameterView.getUint32(0, true),
    hasParent: (parameterView.getUint32(4, true) & 2) !== 0,
    isClean: header.isClean,
    entriesMax: Math.floor(found.blocksLength / 8),
    diskSizeOffset: diskSize,
    header,
  };
}

/** Why a disk cannot be enlarged here; undefined when it can. */
export function growthFault(facts: VhdxFacts, diskBytes: number): string | undefined {
  if (!facts.isClean) {
    return 'It was not closed properly, as after a power cut.';
  }
  if (facts.hasParent) {
    return 'It belongs to a checkpoint.';
  }
  return blockEntries(diskBytes, facts.blockBytes) > facts.entriesMax
    ? 'Its file has no room for a larger table of blocks.'
    : undefined;
}

/**
 * What makes a disk larger: a header that says that the file was changed, then the size, which lies in one sector.
 * Between the two the file is as good as before.
 * @param fileGuid a new random GUID
 */
export function growthPatches(facts: VhdxFacts, diskBytes: number, fileGuid: Uint8Array): readonly Patch[] {
  const { otherOffset, sequence, ...kept } = facts.header;
  return [
    { offset: otherOffset, bytes: vhdxHeader({ ...kept, sequence: sequence + 1n, fileGuid }) },
    { offset: facts.diskSizeOffset, bytes: sizeValue(diskBytes) },
  ];
}

async function currentHeader(read: ReadRange): Promise<VhdxHeader | undefined> {
  let current: VhdxHeader | undefined;
  for (const [index, offset] of headerOffsets.entries()) {
    const bytes = await read(offset, headerBytes);
    const view = viewOf(bytes);
    if (!isIntact(bytes, headerSignature, headerBytes) || view.getUint16(66, true) !== 1) {
      continue;
    }
    const sequence = view.getBigUint64(8, true);
    if (current === undefined || sequence > current.sequence) {
      current = {
        otherOffset: headerOffsets[(index + 1) % headerCount] ?? 0,
        sequence,
        dataGuid: new Uint8Array(bytes.subarray(32, 48)),
        logBytes: view.getUint32(68, true),
        logOffset: Number(view.getBigUint64(72, true)),
        isClean: isNilGuid(bytes.subarray(48, 64)),
      };
    }
  }
  return current;
}

async function readRegions(
  read: ReadRange,
): Promise<{ readonly metadataOffset: number; readonly blocksLength: number } | undefined> {
  for (const offset of regionOffsets) {
    const bytes = await read(offset, tableBytes);
    if (!isIntact(bytes, regionSignature, tableBytes)) {
      continue;
    }
    const view = viewOf(bytes);
    let [metadataOffset, blocksLength] = [0, 0];
    for (const at of entryPlaces(view.getUint32(8, true), 16)) {
      const guid = bytes.subarray(at, at + 16);
      if (isGuid(guid, regions.metadata)) {
        metadataOffset = Number(view.getBigUint64(at + 16, true));
      } else if (isGuid(guid, regions.blocks)) {
        blocksLength = view.getUint32(at + 24, true);
      }
    }
    return metadataOffset > 0 && blocksLength > 0 ? { metadataOffset, blocksLength } : undefined;
  }
  return undefined;
}

/** Finds where in the file the value of an item lies. */
function metadataPlaces(bytes: Uint8Array, regionOffset: number): (guid: string) => number | undefined {
  if (bytes.length < tableBytes || !startsWith(bytes, metadataSignature)) {
    return () => undefined;
  }
  const view = viewOf(bytes);
  const places = entryPlaces(view.getUint16(10, true), 32);
  return (guid) => {
    const at = places.find((place) => isGuid(bytes.subarray(place, place + 16), guid));
    return at === undefined ? undefined : regionOffset + view.getUint32(at + 16, true);
  };
}

/** Where the entries of a table begin; a table has room for 2047 of them at most. */
function entryPlaces(count: number, first: number): number[] {
  const countMax = Math.floor((tableBytes - first) / 32);
  return Array.from({ length: Math.min(count, countMax) }, (_, index) => first + index * 32);
}

function isIntact(bytes: Uint8Array, signature: string, length: number): boolean {
  if (bytes.length < length || !startsWith(bytes, signature)) {
    return false;
  }
  const unsigned = new Uint8Array(bytes);
  unsigned.fill(0, 4, 8);
  return crc32c(unsigned) === viewOf(bytes).getUint32(4, true);
}

function startsWith(bytes: Uint8Array, signature: string): boolean {
  return Buffer.from(bytes.subarray(0, signature.length)).toString('latin1') === signature;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
