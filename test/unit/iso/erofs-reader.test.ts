import test from 'ava';
import type { TreeEntry } from '../../../iso/formats/entry.ts';
import { readErofs } from '../../../iso/formats/erofs-reader.ts';
import { writeErofs } from '../../../iso/formats/erofs.ts';

const options = { uuid: new Uint8Array(16), timeSeconds: 1_700_000_000, volumeName: 'test' };

function write(entries: readonly TreeEntry[]): Buffer {
  return Buffer.concat([...writeErofs(entries, options)]);
}

const owner = { uid: 0, gid: 0 };
const tree: TreeEntry[] = [
  { kind: 'directory', path: 'etc', mode: 0o755, ...owner },
  { kind: 'file', path: 'etc/shadow', mode: 0o640, uid: 0, gid: 42, data: Buffer.from('root:*') },
  { kind: 'symlink', path: 'etc/link', mode: 0o777, ...owner, target: '/etc/shadow' },
  { kind: 'file', path: 'etc/empty', mode: 0o600, ...owner, data: Buffer.alloc(0) },
  { kind: 'directory', path: 'home', mode: 0o1777, uid: 1000, gid: 1000 },
  { kind: 'file', path: 'doas', mode: 0o4755, ...owner, data: Buffer.alloc(10_000, 7) },
];

function byPath(entries: readonly TreeEntry[]): TreeEntry[] {
  return [...entries].sort((a, b) => (a.path < b.path ? -1 : 1));
}

test('a tree that was written is read back', (t) => {
  t.deepEqual(byPath(readErofs(write(tree), 'root.erofs')), byPath(tree));
});

test('directories of many blocks are read whole', (t) => {
  const many = Array.from({ length: 1000 }, (_, i): TreeEntry => ({
    kind: 'symlink',
    path: `applet-${i}`,
    mode: 0o777,
    ...owner,
    target: 'busybox',
  }));
  t.is(readErofs(write(many), 'root.erofs').length, 1000);
});

test('foreign and damaged images are refused, and the file is named', (t) => {
  const refused = { code: 'image-build-failed', message: /root\.erofs/ };
  t.throws(() => readErofs(Buffer.alloc(8192), 'root.erofs'), refused);
  t.throws(() => readErofs(Buffer.alloc(0), 'root.erofs'), refused);
  t.throws(() => readErofs(write(tree).subarray(0, 8192), 'root.erofs'), refused);
  const compressed = Buffer.from(write(tree));
  compressed.writeUInt16LE(1, 4096 + 2 * 32);
  t.throws(() => readErofs(compressed, 'root.erofs'), refused);
});

test('a directory that contains itself ends in an error', (t) => {
  const image = Buffer.from(write(tree));
  // The inode of "etc" is made to point at the root directory's block, so that the tree has no end.
  image.copy(image, 4096 + 2 * 32 + 8, 4096 + 32 + 8, 4096 + 32 + 20);
  t.throws(() => readErofs(image, 'root.erofs'), { code: 'image-build-failed' });
});
