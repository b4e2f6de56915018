import type { MetadataPlace } from './metadata.ts';

/** Inodes and directory listings of squashfs 4.0, in their basic forms. */

const TYPE_DIRECTORY = 1;
const TYPE_FILE = 2;
const TYPE_SYMLINK = 3;
const NO_FRAGMENT = 0xffffffff;
/** What the recorded size of a directory is above that of its listing: room for `.` and `..`. */
const DIRECTORY_SIZE_EXTRA = 3;
export const LISTING_BYTES_MAX = 0xffff - DIRECTORY_SIZE_EXTRA;
const HEADER_ENTRIES_MAX = 256;
const NUMBER_DELTA_MAX = 0x7fff;

/** Codes of inode types, as they stand in directory listings. */
export const inodeTypes = { directory: TYPE_DIRECTORY, file: TYPE_FILE, symlink: TYPE_SYMLINK } as const;

export interface InodeHead {
  readonly type: number;
  readonly mode: number;
  readonly uidIndex: number;
  readonly gidIndex: number;
  readonly timeSeconds: number;
  readonly number: number;
}

function withHead(head: InodeHead, bodyBytes: number): Buffer {
  const inode = Buffer.alloc(16 + bodyBytes);
  inode.writeUInt16LE(head.type, 0);
  inode.writeUInt16LE(head.mode, 2);
  inode.writeUInt16LE(head.uidIndex, 4);
  inode.writeUInt16LE(head.gidIndex, 6);
  inode.writeUInt32LE(head.timeSeconds, 8);
  inode.writeUInt32LE(head.number, 12);
  return inode;
}

export function fileInode(
  head: InodeHead,
  file: {
    readonly sizeBytes: number;
    readonly firstBlockOffset: number;
    /** Length of each block on the disk, with the mark for blocks that are not compressed. */
    readonly blockSizes: readonly number[];
    readonly fragment: { readonly index: number; readonly offset: number } | undefined;
  },
): Uint8Array {
  const inode = withHead(head, 16 + file.blockSizes.length * 4);
  inode.writeUInt32LE(file.firstBlockOffset, 16);
  inode.writeUInt32LE(file.fragment?.index ?? NO_FRAGMENT, 20);
  inode.writeUInt32LE(file.fragment?.offset ?? 0, 24);
  inode.writeUInt32LE(file.sizeBytes, 28);
  file.blockSizes.forEach((size, index) => inode.writeUInt32LE(size, 32 + index * 4));
  return inode;
}

export function symlinkInode(head: InodeHead, target: string): Uint8Array {
  const bytes = Buffer.from(target);
  const inode = withHead(head, 8 + bytes.length);
  inode.writeUInt32LE(1, 16);
  inode.writeUInt32LE(bytes.length, 20);
  inode.set(bytes, 24);
  return inode;
}

export function directoryInode(
  head: InodeHead,
  directory: {
    readonly listing: MetadataPlace;
    readonly listingBytes: number;
    readonly linkCount: number;
    readonly parentNumber: number;
  },
): Uint8Array {
  const inode = withHead(head, 16);
  inode.writeUInt32LE(directory.listing.blockStart, 16);
  inode.writeUInt32LE(directory.linkCount, 20);
  inode.writeUInt16LE(directory.listingBytes + DIRECTORY_SIZE_EXTRA, 24);
  inode.writeUInt16LE(directory.listing.offset, 26);
  inode.writeUInt32LE(directory.parentNumber, 28);
  return inode;
}

/** One name of a directory listing. */
export interface ListingEntry {
  readonly name: string;
  readonly type: number;
  readonly number: number;
  readonly place: MetadataPlace;
}

function sameHeader(first: ListingEntry, entry: ListingEntry, count: number): boolean {
  return (
    count < HEADER_ENTRIES_MAX &&
    first.place.blockStart === entry.place.blockStart &&
    Math.abs(entry.number - first.number) <= NUMBER_DELTA_MAX
  );
}

function listingRun(run: readonly ListingEntry[]): Uint8Array {
  const [first] = run;
  if (first === undefined) {
    return new Uint8Array(0);
  }
  const header = Buffer.alloc(12);
  header.writeUInt32LE(run.length - 1, 0);
  header.writeUInt32LE(first.place.blockStart, 4);
  header.writeUInt32LE(first.number, 8);
  const entries = run.map((entry) => {
    const name = Buffer.from(entry.name);
    const bytes = Buffer.alloc(8 + name.length);
    bytes.writeUInt16LE(entry.place.offset, 0);
    bytes.writeInt16LE(entry.number - first.number, 2);
    bytes.writeUInt16LE(entry.type, 4);
    bytes.writeUInt16LE(name.length - 1, 6);
    bytes.set(name, 8);
    return bytes;
  });
  return Buffer.concat([header, ...entries]);
}

/** The listing of a directory whose entries are sorted by the bytes of their names. */
export function directoryListing(entries: readonly ListingEntry[]): Uint8Array {
  const runs: ListingEntry[][] = [];
  for (const entry of entries) {
    const run = runs.at(-1);
    const first = run?.[0];
    if (run !== undefined && first !== undefined && sameHeader(first, entry, run.length)) {
      run.push(entry);
    } else {
      runs.push([entry]);
    }
  }
  return Buffer.concat(runs.map(listingRun));
}
