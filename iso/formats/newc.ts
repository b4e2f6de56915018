import { contentOf, typeBits, type TreeEntry } from './entry.ts';

const trailerName = 'TRAILER!!!';

/**
 * Writes a cpio archive of the newc form, which the kernel unpacks as initramfs
 * (Documentation/driver-api/early-userspace/buffer-format.rst): `070701` and thirteen fields of eight
 * hexadecimal digits, the name with its NUL and the data, each padded to four bytes. `entries` come in
 * the order in which they are stored, directories before what is in them. Times are 0 and inode numbers
 * count up, so that the same entries give the same bytes.
 */
export function* writeNewc(entries: Iterable<TreeEntry>): Generator<Uint8Array, void, undefined> {
  let inode = 1;
  for (const entry of entries) {
    const data = contentOf(entry);
    const { mode, uid, gid } = entry;
    yield header({ name: entry.path, inode, mode: typeBits[entry.kind] | mode, uid, gid, size: data.length });
    if (data.length > 0) {
      yield data;
      yield padding(data.length);
    }
    inode += 1;
  }
  yield header({ name: trailerName, inode: 0, mode: 0, uid: 0, gid: 0, size: 0 });
}

interface HeaderFields {
  readonly name: string;
  readonly inode: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
}

function header(fields: HeaderFields): Buffer {
  const name = Buffer.from(`${fields.name}\0`);
  const { inode, mode, uid, gid, size } = fields;
  // Link count 1, time 0, no device numbers, no checksum.
  const numbers = [inode, mode, uid, gid, 1, 0, size, 0, 0, 0, 0, name.length, 0];
  const text = `070701${numbers.map((value) => value.toString(16).padStart(8, '0')).join('')}`;
  const bytes = Buffer.concat([Buffer.from(text, 'latin1'), name]);
  return Buffer.concat([bytes, padding(bytes.length)]);
}

function padding(sizeBytes: number): Uint8Array {
  return new Uint8Array((4 - (sizeBytes % 4)) % 4);
}
