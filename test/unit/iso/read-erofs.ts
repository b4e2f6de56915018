/** Test helper: a reader of plain EROFS images, written from the kernel's description of the format. */

/** What was found at a path: mode with type, owner, links, and the content (a directory has none). */
export interface FoundInode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly content: string;
}

/** Every path of the image with what is there; the root is the empty path. */
export function readErofs(image: Buffer): Map<string, FoundInode> {
  const superBlock = image.subarray(1024);
  if (superBlock.readUInt32LE(0) !== 0xe0f5e1e2 || image.length !== superBlock.readUInt32LE(36) * 4096) {
    throw new Error('the super block does not fit');
  }
  const metaOffset = superBlock.readUInt32LE(40) * 4096;
  const found = new Map<string, FoundInode>();
  const visit = (path: string, nid: number, parent: number): void => {
    const inode = image.subarray(metaOffset + nid * 32, metaOffset + nid * 32 + 32);
    const size = inode.readUInt32LE(8);
    const start = inode.readUInt32LE(16) * 4096;
    const data = size === 0 ? Buffer.alloc(0) : image.subarray(start, start + size);
    const mode = inode.readUInt16LE(4);
    const isDirectory = (mode & 0o170000) === 0o040000;
    found.set(path, {
      mode,
      uid: inode.readUInt16LE(24),
      gid: inode.readUInt16LE(26),
      nlink: inode.readUInt16LE(6),
      content: isDirectory ? '' : data.toString('latin1'),
    });
    if (isDirectory) {
      readDirectory(data, (name, child) => {
        if (name === '.' || name === '..') {
          if (child !== (name === '.' ? nid : parent)) {
            throw new Error(`${path}: ${name} leads elsewhere`);
          }
        } else {
          visit(path === '' ? name : `${path}/${name}`, child, nid);
        }
      });
    }
  };
  const root = superBlock.readUInt16LE(14);
  visit('', root, root);
  if (Number(superBlock.readBigUInt64LE(16)) !== found.size) {
    throw new Error('the number of inodes is wrong');
  }
  return found;
}

function readDirectory(data: Buffer, visit: (name: string, nid: number) => void): void {
  let last: Uint8Array = new Uint8Array(0);
  for (let offset = 0; offset < data.length; offset += 4096) {
    const block = data.subarray(offset, offset + 4096);
    const count = block.readUInt16LE(8) / 12;
    for (let index = 0; index < count; index += 1) {
      const start = block.readUInt16LE(index * 12 + 8);
      const next = index + 1 < count ? block.readUInt16LE((index + 1) * 12 + 8) : block.length;
      const raw = block.subarray(start, next);
      const name = raw.subarray(0, raw.includes(0) ? raw.indexOf(0) : raw.length);
      if (Buffer.compare(last, name) >= 0) {
        throw new Error('the names are not sorted by their bytes');
      }
      last = name;
      visit(name.toString(), Number(block.readBigUInt64LE(index * 12)));
    }
  }
}
