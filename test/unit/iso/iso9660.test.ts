import test from 'ava';
import fc from 'fast-check';
import { imageBytes } from '../../../iso/formats/image-layout.ts';
import { layoutIso9660, type IsoEntry, type IsoOptions } from '../../../iso/formats/iso9660.ts';
import { readIso9660 } from './read-iso9660.ts';

const epoch = Date.UTC(2026, 1, 3, 4, 5, 6) / 1000;

function file(path: string, text: string, mode?: number): IsoEntry {
  const content = { bytes: Buffer.from(text) };
  return { kind: 'file', path, content, ...(mode === undefined ? {} : { mode }) };
}

function build(entries: readonly IsoEntry[], more: Partial<IsoOptions> = {}): Buffer {
  return Buffer.from(
    imageBytes(layoutIso9660({ entries, volumeId: 'TEST', sourceDateEpoch: epoch, ...more })),
  );
}

test('files come back with their names, modes, links and contents', (t) => {
  const image = build([
    file('/ca.pem', 'certificate', 0o600),
    file('/boot/grub/grub.cfg', 'linux'),
    file('/.disk/info', ''),
    { kind: 'alias', path: '/boot/second', of: '/ca.pem' },
    { kind: 'symlink', path: '/boot/link', target: '../ca.pem' },
    { kind: 'symlink', path: '/absolute', target: '/boot/./grub' },
    { kind: 'directory', path: '/empty', mode: 0o700 },
  ]);
  const { nodes, volumeId, volumeSectors } = readIso9660(image);
  t.is(volumeId, 'TEST');
  t.is(volumeSectors * 2048, image.length);
  t.deepEqual(
    [...nodes].map(([path, node]) => [path, node.mode.toString(8), node.linkCount, node.target]).sort(),
    [
      ['/.disk', '40755', 2, undefined],
      ['/.disk/info', '100644', 1, undefined],
      ['/absolute', '120777', 1, '/boot/./grub'],
      ['/boot', '40755', 3, undefined],
      ['/boot/grub', '40755', 2, undefined],
      ['/boot/grub/grub.cfg', '100644', 1, undefined],
      ['/boot/link', '120777', 1, '../ca.pem'],
      ['/boot/second', '100644', 2, undefined],
      ['/ca.pem', '100600', 2, undefined],
      ['/empty', '40700', 2, undefined],
    ],
  );
  t.is(nodes.get('/ca.pem')?.data.toString(), 'certificate');
  t.is(nodes.get('/boot/second')?.lba, nodes.get('/ca.pem')?.lba);
  t.is(nodes.get('/boot/grub/grub.cfg')?.data.toString(), 'linux');
});

test('the path table lists each directory at its place, below its parent', (t) => {
  const { pathTable, directoryLbas } = readIso9660(
    build([file('/b/d/x', ''), file('/a/c/y', ''), file('/z', '')]),
  );
  t.deepEqual(
    pathTable.map(({ identifier, parent }) => [identifier, parent]),
    [
      ['\0', 1],
      ['A', 1],
      ['B', 1],
      ['C', 2],
      ['D', 3],
    ],
  );
  t.deepEqual(
    pathTable.map(({ lba }) => lba),
    ['', '/a', '/b', '/a/c', '/b/d'].map((path) => directoryLbas.get(path)),
  );
});

test('loaders that know no Rock Ridge find plain identifiers, which never collide', (t) => {
  const { nodes } = readIso9660(
    build([
      file('/isolinux/isolinux.cfg', ''),
      file('/isolinux/ldlinux.c32', ''),
      file('/vmlinuz', ''),
      file('/a+b', ''),
      file('/a-b', ''),
      file('/.profile', ''),
      file(`/${'long'.repeat(20)}.extension-too-long`, ''),
    ]),
  );
  const identifiers = [...nodes].map(([path, { identifier }]) => [path, identifier] as const);
  const byPath = new Map(identifiers);
  t.is(byPath.get('/isolinux'), 'ISOLINUX');
  t.is(byPath.get('/isolinux/isolinux.cfg'), 'ISOLINUX.CFG;1');
  t.is(byPath.get('/isolinux/ldlinux.c32'), 'LDLINUX.C32;1');
  t.is(byPath.get('/vmlinuz'), 'VMLINUZ.;1');
  t.is(byPath.get('/a+b'), 'A_B.;1');
  t.is(byPath.get('/a-b'), 'A_B_1.;1');
  t.is(byPath.get('/.profile'), '_PROFILE.;1');
  t.true(identifiers.every(([, identifier]) => identifier.length <= 33));
});

test('records of a directory are in the order of the standard', (t) => {
  const names = ['ab', 'a', 'a.c32', 'a.c', 'a.ca', 'b', 'a1'];
  const { nodes } = readIso9660(build(names.map((name) => file(`/${name}`, ''))));
  t.deepEqual(
    [...nodes.values()].map((node) => node.identifier),
    ['A.;1', 'A.C;1', 'A.C32;1', 'A.CA;1', 'A1.;1', 'AB.;1', 'B.;1'],
  );
});

test('any tree is read back as it was given', (t) => {
  const name = fc
    .string({ minLength: 1, maxLength: 60, unit: 'grapheme' })
    .filter((text) => !/[/\0]/.test(text) && text !== '.' && text !== '..' && Buffer.byteLength(text) <= 250);
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => `/${parts.join('/')}`);
  const files = fc.uniqueArray(fc.tuple(path, fc.uint8Array({ maxLength: 5000 })), {
    selector: ([at]) => at,
    maxLength: 60,
  });
  fc.assert(
    fc.property(files, (all) => {
      const chosen = all.filter(([at]) => !all.some(([other]) => other.startsWith(`${at}/`)));
      const image = build(chosen.map(([at, bytes]) => ({ kind: 'file', path: at, content: { bytes } })));
      const { nodes } = readIso9660(image);
      const read = [...nodes].filter(([, node]) => (node.mode & 0o170000) === 0o100000);
      t.is(read.length, chosen.length);
      for (const [at, bytes] of chosen) {
        t.true(nodes.get(at)?.data.equals(bytes), at);
      }
    }),
    { numRuns: 40, seed: 7 },
  );
});

test('the longest names and targets go into continuation areas', (t) => {
  const names = Array.from({ length: 40 }, (_, i) => `${String(i).padStart(3, '0')}${'n'.repeat(247)}`);
  const target = Array.from({ length: 24 }, () => 'abcdefgh').join('/');
  const entries: IsoEntry[] = names.map((name) => ({ kind: 'symlink', path: `/${name}`, target }));
  const { nodes } = readIso9660(build(entries));
  t.deepEqual([...nodes.keys()].sort(), names.map((name) => `/${name}`).sort());
  t.true([...nodes.values()].every((node) => node.target === target));
});

test('directories of many sectors are read to their end', (t) => {
  const entries = Array.from({ length: 500 }, (_, i) => file(`/many/file-number-${i}`, String(i)));
  const { nodes } = readIso9660(build(entries));
  t.is(nodes.size, 501);
  t.is(nodes.get('/many/file-number-499')?.data.toString(), '499');
});

test('times are the given one, in UTC', (t) => {
  const image = build([file('/a', '')]);
  t.is(image.toString('latin1', 16 * 2048 + 813, 16 * 2048 + 829), '2026020304050600');
  t.deepEqual([...image.subarray(16 * 2048 + 156 + 18, 16 * 2048 + 156 + 25)], [126, 2, 3, 4, 5, 6, 0]);
});

test('the order in which entries are given changes the places of data, not the tree', (t) => {
  const entries = [file('/b', '2'), file('/a', '1'), file('/c/d', '3')];
  const forward = readIso9660(build(entries)).nodes;
  const backward = readIso9660(build([...entries].reverse())).nodes;
  t.deepEqual([...forward.keys()], [...backward.keys()]);
  t.deepEqual(build(entries), build(entries));
});

test('what the format cannot express is refused', (t) => {
  const refused: (readonly IsoEntry[])[] = [
    [file('relative', '')],
    [file('/a/../b', '')],
    [file('/a//b', '')],
    [file('/1/2/3/4/5/6/7/8/9', '')],
    [file('/a', ''), file('/a', '')],
    [file('/a', ''), file('/a/b', '')],
    [file(`/${'x'.repeat(251)}`, '')],
    [{ kind: 'symlink', path: '/l', target: 'x'.repeat(260) }],
    [{ kind: 'alias', path: '/l', of: '/missing' }],
    [{ kind: 'file', path: '/large', content: { filePath: '/nowhere', sizeBytes: 2 ** 32 } }],
  ];
  for (const entries of refused) {
    t.throws(() => build(entries), { code: 'image-build-failed' }, JSON.stringify(entries));
  }
  for (const volumeId of ['x'.repeat(33), 'Grüße', 'a\nb']) {
    t.throws(() => build([], { volumeId }), { code: 'image-build-failed' });
  }
  const onDisk: IsoEntry = { kind: 'file', path: '/a', content: { filePath: '/nowhere', sizeBytes: 1 } };
  t.throws(() => build([onDisk]), { code: 'image-build-failed' });
});
