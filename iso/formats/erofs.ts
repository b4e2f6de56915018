import { MachineError } from '../../src/core/errors.ts';
import { compareBytes, contentOf, typeBits, type TreeEntry } from './entry.ts';
import { packDirectory, type DirectoryRecord } from './erofs-directory.ts';

/** The size of a file-system block; also the page size of every kernel that mounts it. */
export const erofsBlockBytes = 4096;

const superBlockOffset = 1024;
const magic = 0xe0f5e1e2;
const inodeBytes = 32;
const metaBlock = 1;
const rootNid = 1;
const noBlock = 0xffffffff;

/** What the super block says besides the tree. */
export interface ErofsOptions {
  /** Sixteen bytes. */
  readonly uuid: Uint8Array;
  /** The time of every file, in seconds since 1970. */
  readonly timeSeconds: number;
  /** At most 16 bytes. */
  readonly volumeName: string;
}

interface Inode {
  readonly entry: TreeEntry;
  readonly nid: number;
  readonly parentNid: number;
  nlink: number;
  readonly children: DirectoryRecord[];
}

/**
 * Writes an EROFS image without compression, chunk by chunk: the super block, the compact inodes of 32
 * bytes, then the content of every inode from a block of its own
 * (Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h of the kernel). The root directory and
 * missing parents are not made up: `entries` names every directory except the root, and a parent comes
 * before its children. Entries are stored in the order given, so the caller sorts.
 */
export function* writeErofs(
  entries: Iterable<TreeEntry>,
  options: ErofsOptions,
): Generator<Uint8Array, void, undefined> {
  const inodes = inodesOf(entries);
  const metaBytes = (inodes.length + 1) * inodeBytes;
  const metaBlocks = Math.ceil(metaBytes / erofsBlockBytes);
  const meta = Buffer.alloc(metaBlocks * erofsBlockBytes);
  // Directories are packed now because their size is needed; they are small. Files stay where they are.
  const contents = inodes.map((inode) =>
    inode.entry.kind === 'directory'
      ? packDirectory(recordsOf(inode), erofsBlockBytes)
      : contentOf(inode.entry),
  );
  let nextBlock = metaBlock + metaBlocks;
  for (const [index, inode] of inodes.entries()) {
    const size = contents[index]?.length ?? 0;
    writeInode(meta, inode, size, size === 0 ? noBlock : nextBlock);
    nextBlock += Math.ceil(size / erofsBlockBytes);
  }
  yield superBlock(options, inodes.length, nextBlock);
  yield meta;
  for (const content of contents) {
    if (content.length > 0) {
      yield content;
      yield new Uint8Array((erofsBlockBytes - (content.length % erofsBlockBytes)) % erofsBlockBytes);
    }
  }
}

function inodesOf(entries: Iterable<TreeEntry>): Inode[] {
  const rootEntry: TreeEntry = { kind: 'directory', path: '', mode: 0o755, uid: 0, gid: 0 };
  const root: Inode = { entry: rootEntry, nid: rootNid, parentNid: rootNid, nlink: 2, children: [] };
  const inodes = [root];
  const directories = new Map([['', root]]);
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf('/');
    const parent = directories.get(slash < 0 ? '' : entry.path.slice(0, slash));
    if (parent === undefined) {
      throw new MachineError('bug', `The directory of ${entry.path} is missing in the tree.`);
    }
    const nid = rootNid + inodes.length;
    const isDirectory = entry.kind === 'directory';
    const inode: Inode = { entry, nid, parentNid: parent.nid, nlink: isDirectory ? 2 : 1, children: [] };
    inodes.push(inode);
    parent.children.push({ name: entry.path.slice(slash + 1), nid, kind: entry.kind });
    if (isDirectory) {
      parent.nlink += 1;
      directories.set(entry.path, inode);
    }
  }
  return inodes;
}

function recordsOf(inode: Inode): DirectoryRecord[] {
  const records: DirectoryRecord[] = [
    { name: '.', nid: inode.nid, kind: 'directory' },
    { name: '..', nid: inode.parentNid, kind: 'directory' },
    ...inode.children,
  ];
  return records.sort((left, right) => compareBytes(left.name, right.name));
}

function writeInode(meta: Buffer, inode: Inode, sizeBytes: number, firstBlock: number): void {
  const { entry, nid } = inode;
  if (entry.uid > 0xffff || entry.gid > 0xffff || inode.nlink > 0xffff || sizeBytes > 0xffffffff) {
    throw new MachineError('bug', `${entry.path} does not fit into a compact inode.`);
  }
  const at = nid * inodeBytes;
  // Offset 0: format 0, a compact inode with flat data; offset 2: no extended attributes.
  meta.writeUInt16LE(typeBits[entry.kind] | entry.mode, at + 4);
  meta.writeUInt16LE(inode.nlink, at + 6);
  meta.writeUInt32LE(sizeBytes, at + 8);
  meta.writeUInt32LE(firstBlock, at + 16);
  meta.writeUInt32LE(nid, at + 20);
  meta.writeUInt16LE(entry.uid, at + 24);
  meta.writeUInt16LE(entry.gid, at + 26);
}

function superBlock(options: ErofsOptions, inodeCount: number, blocks: number): Buffer {
  const block = Buffer.alloc(erofsBlockBytes);
  const at = superBlockOffset;
  block.writeUInt32LE(magic, at);
  block.writeUInt8(Math.log2(erofsBlockBytes), at + 12);
  block.writeUInt16LE(rootNid, at + 14);
  block.writeBigUInt64LE(BigInt(inodeCount), at + 16);
  block.writeBigUInt64LE(BigInt(options.timeSeconds), at + 24);
  block.writeUInt32LE(blocks, at + 36);
  block.writeUInt32LE(metaBlock, at + 40);
  block.set(options.uuid.subarray(0, 16), at + 48);
  Buffer.from(options.volumeName).copy(block, at + 64, 0, 16);
  return block;
}
