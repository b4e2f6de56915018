import test from 'ava';
import fc from 'fast-check';
import { compareBytes, contentOf, typeBits, type TreeEntry } from '../../../iso/formats/entry.ts';
import { writeErofs } from '../../../iso/formats/erofs.ts';
import { directory, file, symlink } from './make-deb.ts';
import { readErofs } from './read-erofs.ts';

const options = { uuid: Buffer.alloc(16, 7), timeSeconds: 1_700_000_000, volumeName: 'made-up' };

function image(entries: readonly TreeEntry[]): Buffer {
  return Buffer.concat([...writeErofs(entries, options)]);
}

test('an empty tree has a root directory that is its own parent', (t) => {
  const found = readErofs(image([]));
  t.deepEqual(found.get(''), { mode: 0o40755, uid: 0, gid: 0, nlink: 2, content: '' });
});

test('modes, owners, links and contents are kept', (t) => {
  const found = readErofs(
    image([
      directory('tmp', 0o1777),
      directory('usr'),
      file('usr/doas', 'set-uid', 0o4755),
      { ...file('usr/mine', ''), uid: 1000, gid: 50 },
      symlink('usr/sh', 'doas'),
    ]),
  );
  t.is(found.get('tmp')?.mode, 0o41777);
  t.is(found.get('')?.nlink, 4);
  t.deepEqual(found.get('usr/doas'), { mode: 0o104755, uid: 0, gid: 0, nlink: 1, content: 'set-uid' });
  t.deepEqual(found.get('usr/mine'), { mode: 0o100644, uid: 1000, gid: 50, nlink: 1, content: '' });
  t.deepEqual(found.get('usr/sh'), { mode: 0o120777, uid: 0, gid: 0, nlink: 1, content: 'doas' });
});

test('the super block carries time, id and name', (t) => {
  const bytes = image([]);
  t.is(bytes.readBigUInt64LE(1024 + 24), 1_700_000_000n);
  t.deepEqual(bytes.subarray(1024 + 48, 1024 + 64), Buffer.alloc(16, 7));
  t.is(bytes.toString('latin1', 1024 + 64, 1024 + 71), 'made-up');
});

test('a directory of several blocks keeps its order, also of names before "."', (t) => {
  const names = Array.from({ length: 700 }, (_, index) => `name-${index}-${'x'.repeat(index % 60)}`);
  names.push('!first', '+plus', '-dash', 'Z', 'é', '\u{1f600}', '\uffee');
  const entries = names.sort(compareBytes).map((name) => file(name, name));
  const found = readErofs(image(entries));
  t.is(found.size, names.length + 1);
  t.true(names.every((name) => Buffer.from(found.get(name)?.content ?? '', 'latin1').toString() === name));
});

test('an entry without its directory is a fault of the caller', (t) => {
  t.throws(() => image([file('a/b', '')]), { code: 'bug' });
});

test('owners that do not fit are a fault of the caller', (t) => {
  t.throws(() => image([{ ...file('a', ''), uid: 70_000 }]), { code: 'bug' });
});

test('any tree comes back', (t) => {
  const segment = fc.stringMatching(/^[ -.0-~é]{1,40}$/).filter((name) => name !== '.' && name !== '..');
  const leaf = fc.record({
    segments: fc.array(segment, { minLength: 1, maxLength: 4 }),
    data: fc.uint8Array({ maxLength: 9000 }),
    mode: fc.integer({ min: 0, max: 0o7777 }),
  });
  fc.assert(
    fc.property(fc.array(leaf, { maxLength: 15 }), (leaves) => {
      const tree = new Map<string, TreeEntry>();
      for (const { segments, data, mode } of leaves) {
        const path = segments.join('/');
        const parents = segments.slice(0, -1).map((_, index) => segments.slice(0, index + 1).join('/'));
        if (
          tree.has(path) ||
          parents.some((parent) => (tree.get(parent)?.kind ?? 'directory') !== 'directory')
        ) {
          continue;
        }
        for (const parent of parents) {
          tree.set(parent, directory(parent));
        }
        tree.set(path, file(path, data, mode));
      }
      const entries = [...tree.values()].sort((a, b) => compareBytes(a.path, b.path));
      const found = readErofs(image(entries));
      t.is(found.size, entries.length + 1);
      for (const entry of entries) {
        const one = found.get(entry.path);
        t.is(one?.mode, typeBits[entry.kind] | entry.mode);
        t.is(one?.content, Buffer.from(contentOf(entry)).toString('latin1'));
      }
    }),
    { numRuns: 60 },
  );
});
