import type { TreeEntry } from './entry.ts';

/** One name in a directory. */
export interface DirectoryRecord {
  readonly name: string;
  readonly nid: number;
  readonly kind: TreeEntry['kind'];
}

const recordBytes = 12;
const typeCodes = { file: 1, directory: 2, symlink: 7 } as const;

/**
 * The content of an EROFS directory: per block first the records of 12 bytes (inode number, offset of
 * the name in the block, type), then the names. A name stays in the block of its record. Every block
 * but the last is filled up with zeros; the last ends with its last name, which is how a reader knows
 * that name's length. `records` are sorted by the bytes of their names.
 */
export function packDirectory(records: readonly DirectoryRecord[], blockBytes: number): Buffer {
  const blocks: Buffer[] = [];
  let pending: { record: DirectoryRecord; name: Buffer }[] = [];
  let pendingBytes = 0;
  for (const record of records) {
    const name = Buffer.from(record.name);
    if (pendingBytes + recordBytes + name.length > blockBytes) {
      const packed = packBlock(pending, pendingBytes);
      blocks.push(packed, Buffer.alloc(blockBytes - packed.length));
      pending = [];
      pendingBytes = 0;
    }
    pending.push({ record, name });
    pendingBytes += recordBytes + name.length;
  }
  blocks.push(packBlock(pending, pendingBytes));
  return Buffer.concat(blocks);
}

function packBlock(entries: readonly { record: DirectoryRecord; name: Buffer }[], sizeBytes: number): Buffer {
  const block = Buffer.alloc(sizeBytes);
  let nameOffset = entries.length * recordBytes;
  for (const [index, { record, name }] of entries.entries()) {
    const at = index * recordBytes;
    block.writeBigUInt64LE(BigInt(record.nid), at);
    block.writeUInt16LE(nameOffset, at + 8);
    block.writeUInt8(typeCodes[record.kind], at + 10);
    name.copy(block, nameOffset);
    nameOffset += name.length;
  }
  return block;
}
