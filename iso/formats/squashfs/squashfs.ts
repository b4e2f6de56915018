import { compareBytes, type TreeEntry } from '../entry.ts';
import { layoutError } from '../layout-error.ts';
import { planData, type DataPlan } from './data-blocks.ts';
import {
  LISTING_BYTES_MAX,
  directoryInode,
  directoryListing,
  fileInode,
  inodeTypes,
  symlinkInode,
  type InodeHead,
  type ListingEntry,
} from './inodes.ts';
import { MetadataWriter, type MetadataPlace, type Pack } from './metadata.ts';

/**
 * Writes squashfs 4.0 images (fs/squashfs/squashfs_fs.h of the kernel): contents in compressed blocks, then
 * inodes, directories, fragments and owners as compressed metadata.
 */

const MAGIC = 0x73717368;
const SUPER_BLOCK_BYTES = 96;
const COMPRESSION_ZSTD = 6;
const FLAG_NO_XATTRS = 0x0200;
const BLOCK_UNCOMPRESSED = 1 << 24;
const NO_TABLE = 0xffffffffffffffffn;
const ROOT_NUMBER = 1;
/** Loop devices have sectors of up to 4096 bytes, and the last one has to be whole. */
const PAD_BYTES = 4096;

/** Compresses with Zstandard. */
export interface SquashfsCompressor {
  readonly pack: Pack;
  /** Compresses many blocks; the results are in the order of the blocks. */
  packAll(blocks: readonly Uint8Array[]): Promise<readonly Uint8Array[]>;
}

export interface SquashfsOptions {
  /** Time of every file and of the image, in seconds since 1970. */
  readonly timeSeconds: number;
  /** Length of a block, a power of two from 4 KiB to 1 MiB: larger ones compress better and are read slower. */
  readonly blockBytes: number;
  readonly compressor: SquashfsCompressor;
}

interface StoredBlock {
  readonly offset: number;
  /** Length on the disk, with the mark for blocks that are not compressed. */
  readonly size: number;
}

interface TreeNode {
  readonly entry: TreeEntry;
  readonly number: number;
  readonly parentNumber: number;
  readonly children: TreeNode[];
}

function buildTree(entries: Iterable<TreeEntry>): { root: TreeNode; count: number } {
  const rootEntry: TreeEntry = { kind: 'directory', path: '', mode: 0o755, uid: 0, gid: 0 };
  const root: TreeNode = { entry: rootEntry, number: ROOT_NUMBER, parentNumber: 0, children: [] };
  const directories = new Map([['', root]]);
  let count = 1;
  for (const entry of entries) {
    const slash = entry.path.lastIndexOf('/');
    const parent = directories.get(slash < 0 ? '' : entry.path.slice(0, slash));
    if (parent === undefined) {
      throw layoutError(`The directory of ${entry.path} is missing in the tree.`);
    }
    count += 1;
    const node: TreeNode = { entry, number: count, parentNumber: parent.number, children: [] };
    parent.children.push(node);
    if (entry.kind === 'directory') {
      directories.set(entry.path, node);
    }
  }
  for (const directory of directories.values()) {
    directory.children.sort((a, b) => compareBytes(nameOf(a), nameOf(b)));
  }
  return { root, count };
}

function nameOf(node: TreeNode): string {
  return node.entry.path.slice(node.entry.path.lastIndexOf('/') + 1);
}

/** Owners are numbered in the order in which they occur. */
class OwnerTable {
  readonly ids: number[] = [];

  indexOf(id: number): number {
    const known = this.ids.indexOf(id);
    return known < 0 ? this.ids.push(id) - 1 : known;
  }
}

/** Inodes and directories, each directory after what is in it, because a listing names places of inodes. */
class TreeWriter {
  readonly inodes: MetadataWriter;
  readonly listings: MetadataWriter;
  readonly owners = new OwnerTable();
  readonly #timeSeconds: number;
  readonly #plan: DataPlan;
  readonly #stored: readonly StoredBlock[];

  constructor(options: SquashfsOptions, plan: DataPlan, stored: readonly StoredBlock[]) {
    this.inodes = new MetadataWriter(options.compressor.pack);
    this.listings = new MetadataWriter(options.compressor.pack);
    this.#timeSeconds = options.timeSeconds;
    this.#plan = plan;
    this.#stored = stored;
  }

  /** Writes a node and everything below it; returns the place of its inode. */
  add(node: TreeNode): MetadataPlace {
    const { entry } = node;
    const inode = entry.kind === 'directory' ? this.#directory(node) : this.#leaf(node);
    const { place } = this.inodes;
    this.inodes.add(inode);
    return place;
  }

  #head(node: TreeNode): InodeHead {
    const { entry } = node;
    return {
      type: inodeTypes[entry.kind],
      // Permission bits alone: the type field says the rest, and kernels refuse an inode that says it twice.
      mode: entry.mode,
      uidIndex: this.owners.indexOf(entry.uid),
      gidIndex: this.owners.indexOf(entry.gid),
      timeSeconds: this.#timeSeconds,
      number: node.number,
    };
  }

  #leaf(node: TreeNode): Uint8Array {
    const { entry } = node;
    if (entry.kind === 'symlink') {
      return symlinkInode(this.#head(node), entry.target);
    }
    const blocks = entry.kind === 'file' ? this.#plan.files.get(entry) : undefined;
    if (entry.kind !== 'file' || blocks === undefined) {
      throw layoutError(`${entry.path} has no data.`);
    }
    const own = blocks.blocks.map((index) => this.#stored[index] ?? { offset: 0, size: 0 });
    return fileInode(this.#head(node), {
      sizeBytes: entry.data.length,
      firstBlockOffset: own[0]?.offset ?? 0,
      blockSizes: own.map((block) => block.size),
      fragment: blocks.fragment,
    });
  }

  #directory(node: TreeNode): Uint8Array {
    const entries = node.children.map((child): ListingEntry => ({
      name: nameOf(child),
      type: inodeTypes[child.entry.kind],
      number: child.number,
      place: this.add(child),
    }));
    const bytes = directoryListing(entries);
    if (bytes.length > LISTING_BYTES_MAX) {
      throw layoutError(
        `The directory ${node.entry.path} has more names than fit into ${LISTING_BYTES_MAX} bytes.`,
      );
    }
    const listing = this.listings.place;
    this.listings.add(bytes);
    return directoryInode(this.#head(node), {
      listing,
      listingBytes: bytes.length,
      linkCount: 2 + node.children.filter((child) => child.entry.kind === 'directory').length,
      parentNumber: node.parentNumber,
    });
  }
}

/** A table that is found through a list of its blocks, which stands behind it. */
function indexedTable(
  content: Uint8Array,
  offset: number,
  pack: Pack,
): { bytes: Uint8Array; indexOffset: number } {
  const writer = new MetadataWriter(pack);
  writer.add(content);
  const blocks = writer.finish();
  const index = Buffer.alloc(writer.blockStarts.length * 8);
  writer.blockStarts.forEach((start, i) => index.writeBigUInt64LE(BigInt(offset + start), i * 8));
  return { bytes: Buffer.concat([blocks, index]), indexOffset: offset + blocks.length };
}

function fragmentTable(fragments: readonly StoredBlock[]): Uint8Array {
  const table = Buffer.alloc(fragments.length * 16);
  fragments.forEach(({ offset, size }, index) => {
    table.writeBigUInt64LE(BigInt(offset), index * 16);
    table.writeUInt32LE(size, index * 16 + 8);
  });
  return table;
}

function ownerTable(ids: readonly number[]): Uint8Array {
  const table = Buffer.alloc(ids.length * 4);
  ids.forEach((id, index) => table.writeUInt32LE(id, index * 4));
  return table;
}

interface SuperBlockFacts {
  readonly inodeCount: number;
  readonly fragmentCount: number;
  readonly ownerCount: number;
  readonly rootPlace: MetadataPlace;
  readonly bytesUsed: number;
  readonly inodeTable: number;
  readonly directoryTable: number;
  readonly fragmentIndex: number;
  readonly ownerIndex: number;
}

function superBlock(facts: SuperBlockFacts, options: SquashfsOptions): Uint8Array {
  const block = Buffer.alloc(SUPER_BLOCK_BYTES);
  block.writeUInt32LE(MAGIC, 0);
  block.writeUInt32LE(facts.inodeCount, 4);
  block.writeUInt32LE(options.timeSeconds, 8);
  block.writeUInt32LE(options.blockBytes, 12);
  block.writeUInt32LE(facts.fragmentCount, 16);
  block.writeUInt16LE(COMPRESSION_ZSTD, 20);
  block.writeUInt16LE(31 - Math.clz32(options.blockBytes), 22);
  block.writeUInt16LE(FLAG_NO_XATTRS, 24);
  block.writeUInt16LE(facts.ownerCount, 26);
  block.writeUInt16LE(4, 28);
  block.writeBigUInt64LE(BigInt(facts.rootPlace.blockStart) * 65536n + BigInt(facts.rootPlace.offset), 32);
  block.writeBigUInt64LE(BigInt(facts.bytesUsed), 40);
  block.writeBigUInt64LE(BigInt(facts.ownerIndex), 48);
  block.writeBigUInt64LE(NO_TABLE, 56);
  block.writeBigUInt64LE(BigInt(facts.inodeTable), 64);
  block.writeBigUInt64LE(BigInt(facts.directoryTable), 72);
  block.writeBigUInt64LE(BigInt(facts.fragmentIndex), 80);
  block.writeBigUInt64LE(NO_TABLE, 88);
  return block;
}

async function storeBlocks(
  plan: DataPlan,
  compressor: SquashfsCompressor,
): Promise<{ chunks: Uint8Array[]; stored: StoredBlock[]; end: number }> {
  const chunks: Uint8Array[] = [];
  const stored: StoredBlock[] = [];
  let end = SUPER_BLOCK_BYTES;
  const packedBlocks = await compressor.packAll(plan.blocks);
  for (const [index, raw] of plan.blocks.entries()) {
    const packed = packedBlocks[index] ?? raw;
    const smaller = packed.length < raw.length;
    const body = smaller ? packed : raw;
    stored.push({ offset: end, size: smaller ? body.length : body.length | BLOCK_UNCOMPRESSED });
    chunks.push(body);
    end += body.length;
  }
  return { chunks, stored, end };
}

/**
 * Makes a squashfs image, in pieces that follow one another. `entries` names every directory but the root, a
 * directory before what is in it. The same input and compressor give the same bytes.
 * Throws MachineError for a tree with missing directories or one that the basic inode forms cannot hold.
 */
export async function writeSquashfs(
  entries: readonly TreeEntry[],
  options: SquashfsOptions,
): Promise<readonly Uint8Array[]> {
  const { root, count } = buildTree(entries);
  const { pack } = options.compressor;
  const files = entries.filter((entry) => entry.kind === 'file');
  const plan = planData(files, options.blockBytes);
  const { chunks, stored, end } = await storeBlocks(plan, options.compressor);
  const tree = new TreeWriter(options, plan, stored);
  const rootPlace = tree.add(root);

  const inodes = tree.inodes.finish();
  const listings = tree.listings.finish();
  const directoryTable = end + inodes.length;
  const fragmentStart = directoryTable + listings.length;
  const fragmentBlocks = stored.slice(stored.length - plan.fragmentCount);
  const fragments = indexedTable(fragmentTable(fragmentBlocks), fragmentStart, pack);
  const ownerStart = fragmentStart + fragments.bytes.length;
  const owners = indexedTable(ownerTable(tree.owners.ids), ownerStart, pack);
  const bytesUsed = ownerStart + owners.bytes.length;
  const facts = {
    inodeCount: count,
    fragmentCount: plan.fragmentCount,
    ownerCount: tree.owners.ids.length,
    rootPlace,
    bytesUsed,
    inodeTable: end,
    directoryTable,
    fragmentIndex: fragments.indexOffset,
    ownerIndex: owners.indexOffset,
  };
  const padding = new Uint8Array((PAD_BYTES - (bytesUsed % PAD_BYTES)) % PAD_BYTES);
  return [superBlock(facts, options), ...chunks, inodes, listings, fragments.bytes, owners.bytes, padding];
}
