import { erofsBlockBytes } from './erofs.ts';
import { typeBits, type TreeEntry } from './entry.ts';
import { inputError } from './input-error.ts';

/**
 * Reads the tree back out of an image made by writeErofs (compact inodes, flat data, blocks of 4096 bytes), so
 * that other forms of the same root file system can be made from the finished file alone.
 */

const superBlockOffset = 1024;
const magic = 0xe0f5e1e2;
const inodeBytes = 32;
const recordBytes = 12;
const typeMask = 0o170000;
const entriesMax = 1 << 20;

interface Inode {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly content: Buffer;
}

class Reader {
  readonly rootNid: number;
  readonly #image: Buffer;
  readonly #file: string;
  readonly #metaOffset: number;

  constructor(image: Buffer, file: string) {
    this.#image = image;
    this.#file = file;
    if (image.length < erofsBlockBytes || image.readUInt32LE(superBlockOffset) !== magic) {
      throw inputError(file, 'It is not an EROFS image.');
    }
    if (1 << image.readUInt8(superBlockOffset + 12) !== erofsBlockBytes) {
      throw inputError(file, `Its blocks are not ${erofsBlockBytes} bytes long.`);
    }
    this.rootNid = image.readUInt16LE(superBlockOffset + 14);
    this.#metaOffset = image.readUInt32LE(superBlockOffset + 40) * erofsBlockBytes;
  }

  inode(nid: number): Inode {
    const at = this.#metaOffset + nid * inodeBytes;
    if (at + inodeBytes > this.#image.length || this.#image.readUInt16LE(at) !== 0) {
      throw inputError(
        this.#file,
        `Inode ${nid} in it is damaged, or of a form that tsmachine does not write.`,
      );
    }
    const sizeBytes = this.#image.readUInt32LE(at + 8);
    const start = sizeBytes === 0 ? 0 : this.#image.readUInt32LE(at + 16) * erofsBlockBytes;
    if (start + sizeBytes > this.#image.length) {
      throw inputError(this.#file, `The data of inode ${nid} in it lies behind its end.`);
    }
    return {
      mode: this.#image.readUInt16LE(at + 4),
      uid: this.#image.readUInt16LE(at + 24),
      gid: this.#image.readUInt16LE(at + 26),
      content: this.#image.subarray(start, start + sizeBytes),
    };
  }

  /** Names and inode numbers of a directory, without `.` and `..`. */
  *records(directory: Buffer): Generator<{ name: string; nid: number }, void, undefined> {
    for (let start = 0; start < directory.length; start += erofsBlockBytes) {
      const block = directory.subarray(start, start + erofsBlockBytes);
      const count = block.length < recordBytes ? 0 : Math.floor(block.readUInt16LE(8) / recordBytes);
      if (count === 0 || count * recordBytes > block.length) {
        throw inputError(this.#file, 'A directory in it is damaged.');
      }
      for (let index = 0; index < count; index += 1) {
        const at = index * recordBytes;
        const end = index + 1 < count ? block.readUInt16LE(at + recordBytes + 8) : block.length;
        // The last name of a block that is not the last ends with the zeros that fill the block.
        const name = block.toString('utf8', block.readUInt16LE(at + 8), end).replace(/\0+$/, '');
        if (name !== '.' && name !== '..') {
          yield { name, nid: Number(block.readBigUInt64LE(at)) };
        }
      }
    }
  }

  entry(path: string, inode: Inode): TreeEntry {
    const base = { path, mode: inode.mode & 0o7777, uid: inode.uid, gid: inode.gid };
    switch (inode.mode & typeMask) {
      case typeBits.file:
        return { kind: 'file', data: inode.content, ...base };
      case typeBits.directory:
        return { kind: 'directory', ...base };
      case typeBits.symlink:
        return { kind: 'symlink', target: inode.content.toString('utf8'), ...base };
      default:
        throw inputError(this.#file, `${path} in it is neither a file, a directory nor a symbolic link.`);
    }
  }
}

/**
 * All entries of an image but its root, a directory before what is in it. The data of files are views of
 * `image`. `file` names the image in errors. Throws MachineError for a damaged image and for foreign ones.
 */
export function readErofs(image: Buffer, file: string): TreeEntry[] {
  const reader = new Reader(image, file);
  const entries: TreeEntry[] = [];
  const pending = [{ path: '', inode: reader.inode(reader.rootNid) }];
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    for (const { name, nid } of reader.records(next.inode.content)) {
      const inode = reader.inode(nid);
      const entry = reader.entry(next.path === '' ? name : `${next.path}/${name}`, inode);
      entries.push(entry);
      if (entries.length > entriesMax) {
        throw inputError(file, `It has more than ${entriesMax} entries, or a directory contains itself.`);
      }
      if (entry.kind === 'directory') {
        pending.push({ path: entry.path, inode });
      }
    }
  }
  return entries;
}
