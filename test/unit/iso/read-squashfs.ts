import { decompress } from 'fzstd';

/** A small reader of squashfs 4.0 with Zstandard, written apart from the writer. */

export interface ReadSquashfsNode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Buffer | undefined;
  readonly target: string | undefined;
  readonly linkCount: number;
  readonly number: number;
  readonly timeSeconds: number;
}

interface Stream {
  readonly bytes: Buffer;
  /** Offset of each block in `bytes` by its start on the disk, from the start of the stream. */
  readonly starts: ReadonlyMap<number, number>;
}

export function readSquashfs(image: Buffer): Map<string, ReadSquashfsNode> {
  const blockBytes = image.readUInt32LE(12);
  const [bytesUsed, ownerIndex] = [Number(image.readBigUInt64LE(40)), Number(image.readBigUInt64LE(48))];
  const [inodeStart, listingStart] = [Number(image.readBigUInt64LE(64)), Number(image.readBigUInt64LE(72))];
  const fragmentIndex = Number(image.readBigUInt64LE(80));
  const fragmentCount = image.readUInt32LE(16);

  const stream = (from: number, to: number): Stream => {
    const parts: Buffer[] = [];
    const starts = new Map<number, number>();
    let length = 0;
    for (let at = from; at < to;) {
      const header = image.readUInt16LE(at);
      const body = image.subarray(at + 2, at + 2 + (header & 0x7fff));
      starts.set(at - from, length);
      const part = (header & 0x8000) === 0 ? Buffer.from(decompress(body)) : body;
      parts.push(part);
      length += part.length;
      at += 2 + body.length;
    }
    return { bytes: Buffer.concat(parts), starts };
  };
  const unpack = (offset: number, size: number): Buffer => {
    const body = image.subarray(offset, offset + (size & 0xffffff));
    return (size & (1 << 24)) === 0 ? Buffer.from(decompress(body)) : body;
  };

  const fragmentStart = fragmentCount === 0 ? fragmentIndex : Number(image.readBigUInt64LE(fragmentIndex));
  const ownerStart = Number(image.readBigUInt64LE(ownerIndex));
  const inodes = stream(inodeStart, listingStart);
  const listings = stream(listingStart, fragmentStart);
  const fragments = stream(fragmentStart, fragmentIndex).bytes;
  const owners = stream(ownerStart, ownerIndex).bytes;
  if (ownerIndex + 8 * Math.ceil(owners.length / 8192) !== bytesUsed) {
    throw new Error('the table of owners does not end the image');
  }

  const nodes = new Map<string, ReadSquashfsNode>();
  const at = (from: Stream, block: number, offset: number): number => {
    const start = from.starts.get(block);
    if (start === undefined) {
      throw new Error(`no block starts at ${block}`);
    }
    return start + offset;
  };
  const fileContent = (inode: Buffer): Buffer => {
    const size = inode.readUInt32LE(28);
    const fragment = inode.readUInt32LE(20);
    const parts: Buffer[] = [];
    let offset = inode.readUInt32LE(16);
    const blocks = fragment === 0xffffffff ? Math.ceil(size / blockBytes) : Math.floor(size / blockBytes);
    for (let i = 0; i < blocks; i += 1) {
      const stored = inode.readUInt32LE(32 + i * 4);
      parts.push(unpack(offset, stored));
      offset += stored & 0xffffff;
    }
    if (fragment !== 0xffffffff) {
      const whole = unpack(
        Number(fragments.readBigUInt64LE(fragment * 16)),
        fragments.readUInt32LE(fragment * 16 + 8),
      );
      const start = inode.readUInt32LE(24);
      parts.push(whole.subarray(start, start + (size % blockBytes)));
    }
    return Buffer.concat(parts);
  };
  const walk = (path: string, position: number, expectedType: number): void => {
    const inode = inodes.bytes.subarray(position);
    const type = inode.readUInt16LE(0);
    if (expectedType !== type) {
      throw new Error(`${path} is of type ${type} and listed as ${expectedType}`);
    }
    nodes.set(path, {
      mode: inode.readUInt16LE(2),
      uid: owners.readUInt32LE(inode.readUInt16LE(4) * 4),
      gid: owners.readUInt32LE(inode.readUInt16LE(6) * 4),
      timeSeconds: inode.readUInt32LE(8),
      number: inode.readUInt32LE(12),
      content: type === 2 ? fileContent(inode) : undefined,
      target: type === 3 ? inode.toString('utf8', 24, 24 + inode.readUInt32LE(20)) : undefined,
      linkCount: type === 1 ? inode.readUInt32LE(20) : 1,
    });
    if (type !== 1) {
      return;
    }
    const size = inode.readUInt16LE(24) - 3;
    const start = size === 0 ? 0 : at(listings, inode.readUInt32LE(16), inode.readUInt16LE(26));
    for (let from = start; from < start + size;) {
      const count = listings.bytes.readUInt32LE(from) + 1;
      const block = listings.bytes.readUInt32LE(from + 4);
      from += 12;
      for (let i = 0; i < count; i += 1) {
        const nameBytes = listings.bytes.readUInt16LE(from + 6) + 1;
        const name = listings.bytes.toString('utf8', from + 8, from + 8 + nameBytes);
        const place = at(inodes, block, listings.bytes.readUInt16LE(from));
        walk(path === '' ? name : `${path}/${name}`, place, listings.bytes.readUInt16LE(from + 4));
        from += 8 + nameBytes;
      }
    }
  };
  walk('', at(inodes, image.readUInt32LE(34), image.readUInt16LE(32)), 1);
  if (nodes.size !== image.readUInt32LE(4)) {
    throw new Error('the number of inodes is wrong');
  }
  return nodes;
}
