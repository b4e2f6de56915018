import { layoutError } from './layout-error.ts';

/** The tree of a FAT volume and its geometry: everything that is decided before the first byte is written. */

export const SECTOR_BYTES = 512;
export const DIRECTORY_ENTRY_BYTES = 32;
export const RESERVED_SECTORS = 1;
export const FAT_COPIES = 2;
export const ROOT_ENTRIES = 512;
export const ROOT_SECTORS = (ROOT_ENTRIES * DIRECTORY_ENTRY_BYTES) / SECTOR_BYTES;
export const FIRST_CLUSTER = 2;
/** The number of clusters alone decides the type (page 14): below this it is FAT12, from there on FAT16. */
const FAT12_CLUSTERS_MAX = 4084;
const FAT16_CLUSTERS_MAX = 65524;
const CLUSTER_SECTORS_MAX = 64;

export interface FatFile {
  /** Relative, separated by `/`, each part a short name in any case: `EFI/BOOT/BOOTX64.EFI`. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

export interface FatDirectory {
  readonly directories: Map<string, FatDirectory>;
  readonly files: Map<string, Uint8Array>;
}

export interface FatGeometry {
  readonly isFat16: boolean;
  readonly clusterSectors: number;
  readonly clusterCount: number;
  readonly fatSectors: number;
  readonly totalSectors: number;
}

/** A short name in its 11-byte form, or an error for a name that would need the long form. */
function shortName(part: string, path: string): string {
  const match = /^([A-Z0-9_~!#$%&'()@^`{}-]{1,8})(?:\.([A-Z0-9_~!#$%&'()@^`{}-]{1,3}))?$/.exec(
    part.toUpperCase(),
  );
  if (match === null) {
    throw layoutError(
      `${path} is not made of short names (8 letters, dot, 3 letters), the only ones written here.`,
    );
  }
  return (match[1] ?? '').padEnd(8) + (match[2] ?? '').padEnd(3);
}

/** The directories of the volume. Throws MachineError for long names and names used twice. */
export function buildFatTree(files: readonly FatFile[]): FatDirectory {
  const root: FatDirectory = { directories: new Map(), files: new Map() };
  for (const { path, bytes } of files) {
    const parts = path.split('/').map((part) => shortName(part, path));
    const name = parts.pop() ?? '';
    let directory = root;
    for (const part of parts) {
      const next = directory.directories.get(part) ?? { directories: new Map(), files: new Map() };
      directory.directories.set(part, next);
      directory = next;
    }
    if (directory.files.has(name)) {
      throw layoutError(`Two files of the FAT image have the name ${path}.`);
    }
    directory.files.set(name, bytes);
  }
  return checked(root);
}

function checked(directory: FatDirectory): FatDirectory {
  for (const [name, child] of directory.directories) {
    if (directory.files.has(name)) {
      throw layoutError(`${name} is a file and a directory of the FAT image.`);
    }
    checked(child);
  }
  return directory;
}

/** Size of a directory below the root. */
export function directoryBytes(directory: FatDirectory): number {
  // `.` and `..` come on top of the children.
  return (directory.directories.size + directory.files.size + 2) * DIRECTORY_ENTRY_BYTES;
}

/** Sizes of everything that occupies clusters. */
function contentSizes(directory: FatDirectory): number[] {
  return [
    ...[...directory.files.values()].map((bytes) => bytes.length),
    ...[...directory.directories.values()].flatMap((child) => [
      directoryBytes(child),
      ...contentSizes(child),
    ]),
  ];
}

function geometryWith(
  clusterSectors: number,
  sizes: readonly number[],
  freeBytes: number,
): FatGeometry | undefined {
  const clusterBytes = clusterSectors * SECTOR_BYTES;
  const used = sizes.reduce((sum, size) => sum + Math.ceil(size / clusterBytes), 0);
  const clusterCount = Math.max(1, used + Math.ceil(freeBytes / clusterBytes));
  if (clusterCount > FAT16_CLUSTERS_MAX) {
    return undefined;
  }
  const isFat16 = clusterCount > FAT12_CLUSTERS_MAX;
  const fatBytes = Math.ceil((clusterCount + FIRST_CLUSTER) * (isFat16 ? 2 : 1.5));
  const fatSectors = Math.ceil(fatBytes / SECTOR_BYTES);
  const totalSectors =
    RESERVED_SECTORS + FAT_COPIES * fatSectors + ROOT_SECTORS + clusterCount * clusterSectors;
  return { isFat16, clusterSectors, clusterCount, fatSectors, totalSectors };
}

/** The smallest cluster that the volume fits with; 2 KiB at least, because CDs are read in such sectors. */
export function chooseGeometry(root: FatDirectory, freeBytes: number): FatGeometry {
  const sizes = contentSizes(root);
  for (let clusterSectors = 4; clusterSectors <= CLUSTER_SECTORS_MAX; clusterSectors *= 2) {
    const geometry = geometryWith(clusterSectors, sizes, freeBytes);
    if (geometry !== undefined) {
      return geometry;
    }
  }
  throw layoutError('The files do not fit into a FAT16 volume.');
}
