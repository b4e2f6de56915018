import {
  PLATFORM_UEFI,
  PLATFORM_X86,
  bootCatalog,
  bootRecordDescriptor,
  withBootInfoTable,
} from './el-torito.ts';
import type { BootEntry } from './el-torito.ts';
import { contentBytes } from './image-layout.ts';
import type { Extent, ImageContent, ImageLayout, ImagePart } from './image-layout.ts';
import { encodeDirectory, planDirectories } from './iso9660-directories.ts';
import type { DirectoryPlan } from './iso9660-directories.ts';
import { SECTOR_BYTES, concatBytes, sectorsFor } from './iso9660-encoding.ts';
import {
  VOLUME_DESCRIPTOR_LBA,
  VOLUME_ID_BYTES_MAX,
  pathTable,
  pathTableLength,
  primaryVolumeDescriptor,
  terminatorDescriptor,
} from './iso9660-records.ts';
import { buildTree, directoriesInPathTableOrder } from './iso9660-tree.ts';
import type { DirectoryNode, IsoEntry, LeafNode } from './iso9660-tree.ts';
import { layoutError } from './layout-error.ts';

export type { IsoEntry };

/** Area before the volume descriptors that ISO 9660 leaves to others: a partition table, for instance. */
export const SYSTEM_AREA_BYTES = VOLUME_DESCRIPTOR_LBA * SECTOR_BYTES;

/** ECMA-119 gives a file section 32 bits of length. */
const FILE_BYTES_MAX = 0xffffffff;
const BIOS_LOAD_SECTORS = 4;

export interface IsoBootOptions {
  /** Where the boot catalogue appears among the files. */
  readonly catalogPath: string;
  /** Path of isolinux.bin, which must be given as bytes: it gets the boot info table. Undefined: no BIOS boot. */
  readonly biosPath: string | undefined;
  /** Path of the FAT image with the loaders for UEFI. Undefined: no UEFI boot. */
  readonly efiPath: string | undefined;
}

export interface IsoOptions {
  /** The data of the files is stored in the order of this list. */
  readonly entries: readonly IsoEntry[];
  /** Printable ASCII, at most 32 characters. */
  readonly volumeId: string;
  /** Time of every file and of the volume, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  readonly boot?: IsoBootOptions;
}

/** Hands out whole sectors one after the other. */
class SectorAllocator {
  next = VOLUME_DESCRIPTOR_LBA;

  take(sizeBytes: number): Extent {
    const extent = { lba: this.next, sizeBytes };
    this.next += sectorsFor(sizeBytes);
    return extent;
  }
}

/** Where everything lies, in the order of the image. */
interface Places {
  readonly descriptors: Extent;
  readonly littleTable: Extent;
  readonly bigTable: Extent;
  readonly directories: ReadonlyMap<DirectoryNode, Extent>;
  readonly continuation: Extent;
  readonly files: ReadonlyMap<string, Extent>;
  readonly endSector: number;
}

function checkOptions(options: IsoOptions): void {
  const { volumeId } = options;
  if (!/^[\x20-\x7e]*$/.test(volumeId) || volumeId.length > VOLUME_ID_BYTES_MAX) {
    throw layoutError(
      `A volume id is printable ASCII of at most ${VOLUME_ID_BYTES_MAX} characters, not ${JSON.stringify(volumeId)}.`,
    );
  }
  for (const entry of options.entries) {
    if (entry.kind === 'file' && contentBytes(entry.content) > FILE_BYTES_MAX) {
      throw layoutError(`${entry.path} is larger than the ${FILE_BYTES_MAX} bytes that ISO 9660 allows.`);
    }
  }
}

/** The catalogue is a file like the others, so that it has an extent and a name. */
function entriesWithCatalog(options: IsoOptions): readonly IsoEntry[] {
  if (options.boot === undefined) {
    return options.entries;
  }
  const content = { bytes: new Uint8Array(SECTOR_BYTES) };
  return [{ kind: 'file', path: options.boot.catalogPath, content }, ...options.entries];
}

function placeEverything(
  directories: readonly DirectoryNode[],
  plan: DirectoryPlan,
  files: ReadonlyMap<string, ImageContent>,
  descriptorSectors: number,
): Places {
  const sectors = new SectorAllocator();
  const tableBytes = pathTableLength(directories);
  return {
    descriptors: sectors.take(descriptorSectors * SECTOR_BYTES),
    littleTable: sectors.take(tableBytes),
    bigTable: sectors.take(tableBytes),
    directories: new Map(plan.directories.map(({ node, sizeBytes }) => [node, sectors.take(sizeBytes)])),
    continuation: sectors.take(plan.continuationArea.length),
    files: new Map([...files].map(([path, content]) => [path, sectors.take(contentBytes(content))])),
    endSector: sectors.next,
  };
}

/** The files that booting changes: the catalogue itself and the BIOS loader with its table. */
function bootFiles(
  boot: IsoBootOptions,
  files: ReadonlyMap<string, ImageContent>,
  extents: ReadonlyMap<string, Extent>,
): Map<string, ImageContent> {
  const entries: BootEntry[] = [];
  const changed = new Map<string, ImageContent>();
  if (boot.biosPath !== undefined) {
    const content = files.get(boot.biosPath);
    const extent = extents.get(boot.biosPath);
    if (content === undefined || extent === undefined || !('bytes' in content)) {
      throw layoutError(`The BIOS loader ${boot.biosPath} is not among the entries as bytes.`);
    }
    changed.set(boot.biosPath, {
      bytes: withBootInfoTable(content.bytes, extent.lba, VOLUME_DESCRIPTOR_LBA),
    });
    entries.push({ platform: PLATFORM_X86, lba: extent.lba, loadSectors: BIOS_LOAD_SECTORS });
  }
  if (boot.efiPath !== undefined) {
    const extent = extents.get(boot.efiPath);
    if (extent === undefined) {
      throw layoutError(`The UEFI image ${boot.efiPath} is not among the entries.`);
    }
    entries.push({
      platform: PLATFORM_UEFI,
      lba: extent.lba,
      loadSectors: Math.ceil(extent.sizeBytes / 512),
    });
  }
  changed.set(boot.catalogPath, { bytes: bootCatalog(entries) });
  return changed;
}

function volumeDescriptors(options: IsoOptions, places: Places, root: Extent): Uint8Array {
  const primary = primaryVolumeDescriptor({
    volumeId: options.volumeId,
    sourceDateEpoch: options.sourceDateEpoch,
    volumeSectors: places.endSector,
    pathTableBytes: places.littleTable.sizeBytes,
    pathTableLba: { little: places.littleTable.lba, big: places.bigTable.lba },
    rootExtent: root,
  });
  const catalog = options.boot === undefined ? undefined : places.files.get(options.boot.catalogPath);
  const bootRecord = catalog === undefined ? [] : [bootRecordDescriptor(catalog.lba)];
  return concatBytes([primary, ...bootRecord, terminatorDescriptor()]);
}

/**
 * Lays out an ISO 9660 image with Rock Ridge names, modes and times and, if wanted, El Torito boot entries.
 * Formats: ECMA-119 (interchange level 2), SUSP and RRIP (RRIP_1991A), El Torito 1.0.
 * The same options give the same bytes. Throws MachineError for what the formats cannot express.
 */
export function layoutIso9660(options: IsoOptions): ImageLayout {
  checkOptions(options);
  const { boot, sourceDateEpoch } = options;
  const entries = entriesWithCatalog(options);
  const directories = directoriesInPathTableOrder(buildTree(entries));
  const plan = planDirectories(directories, sourceDateEpoch);
  const files = new Map(
    entries.flatMap((entry) => (entry.kind === 'file' ? [[entry.path, entry.content] as const] : [])),
  );
  const places = placeEverything(directories, plan, files, boot === undefined ? 2 : 3);
  const stored = new Map([...files, ...(boot === undefined ? [] : bootFiles(boot, files, places.files))]);

  const extentOf = (node: LeafNode | DirectoryNode): Extent => {
    const found =
      node.kind === 'directory' ? places.directories.get(node) : places.files.get(node.contentPath ?? '');
    // A symbolic link has no data; its target is in Rock Ridge.
    return found ?? { lba: places.continuation.lba, sizeBytes: 0 };
  };
  const lbaOf = (directory: DirectoryNode): number => extentOf(directory).lba;
  const root = [...places.directories.values()][0] ?? places.continuation;
  const encoding = { mtimeSeconds: sourceDateEpoch, continuationLba: places.continuation.lba, extentOf };
  const part = (extent: Extent, content: ImageContent): ImagePart => ({
    offsetBytes: extent.lba * SECTOR_BYTES,
    content,
  });
  return {
    sizeBytes: places.endSector * SECTOR_BYTES,
    extents: places.files,
    parts: [
      part(places.descriptors, { bytes: volumeDescriptors(options, places, root) }),
      part(places.littleTable, { bytes: pathTable(directories, lbaOf, true) }),
      part(places.bigTable, { bytes: pathTable(directories, lbaOf, false) }),
      ...plan.directories.map((planned) =>
        part(extentOf(planned.node), { bytes: encodeDirectory(planned, encoding) }),
      ),
      part(places.continuation, { bytes: plan.continuationArea }),
      ...[...places.files].map(([path, extent]) =>
        part(extent, stored.get(path) ?? { bytes: new Uint8Array(0) }),
      ),
    ],
  };
}
