import test from 'ava';
import fc from 'fast-check';
import { compareBytes, type TreeEntry } from '../../../iso/formats/entry.ts';
import { readTar, safePath, type TarMember } from '../../../iso/formats/tar-reader.ts';
import { writeTar } from '../../../iso/formats/tar-writer.ts';
import { directory, file, makeTar, symlink } from './make-deb.ts';

async function members(
  archive: Uint8Array,
  select: (path: string, kind: string) => boolean = () => true,
  chunkBytes = 700,
): Promise<TarMember[]> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let offset = 0; offset < archive.length; offset += chunkBytes) {
      yield archive.subarray(offset, offset + chunkBytes);
    }
  }
  const result: TarMember[] = [];
  for await (const member of readTar(chunks(), { file: 'a.tar', select })) {
    result.push(member);
  }
  return result;
}

const longFolder = `usr/lib/modules/${'very-long-name-of-a-folder/'.repeat(5)}`;

test('files, directories, links, long names and modes come back', async (t) => {
  const archive = makeTar([
    directory('usr', 0o711),
    file('usr/doas', 'text', 0o4755),
    symlink('usr/link', 'doas'),
    file(`${longFolder}module.ko.xz`, 'm'),
    symlink(`${longFolder}link`, `${longFolder}module.ko.xz`),
    file('usr/Főtanúsítvány.crt', 'c'),
  ]);
  const back = await members(archive);
  t.deepEqual(
    back.map((member) => [
      member.kind,
      member.path,
      member.mode,
      member.kind === 'file' ? member.data.toString() : member.kind === 'symlink' ? member.target : '',
    ]),
    [
      ['directory', 'usr', 0o711, ''],
      ['file', 'usr/doas', 0o4755, 'text'],
      ['symlink', 'usr/link', 0o777, 'doas'],
      ['file', `${longFolder}module.ko.xz`, 0o644, 'm'],
      ['symlink', `${longFolder}link`, 0o777, `${longFolder}module.ko.xz`],
      ['file', 'usr/Főtanúsítvány.crt', 0o644, 'c'],
    ],
  );
});

test('what is not selected is skipped, whatever the size of the chunks', async (t) => {
  const archive = makeTar([file('a', 'A'.repeat(2000)), file('b', 'B'), file('c', 'C'.repeat(600))]);
  for (const chunkBytes of [1, 100, 512, 513, 100_000]) {
    const back = await members(archive, (path) => path === 'c', chunkBytes);
    t.deepEqual(
      back.map((member) => member.path),
      ['c'],
    );
  }
});

test('an archive that is cut off is refused', async (t) => {
  const archive = makeTar([file('a', 'A'.repeat(2000))]);
  for (const length of [0, 100, 512, 1000, 2560]) {
    await t.throwsAsync(members(archive.subarray(0, length)), { code: 'image-build-failed' }, `${length}`);
  }
});

test('a header with a changed byte is refused', async (t) => {
  const archive = makeTar([file('a', 'A')]);
  archive[0] = 0x62;
  await t.throwsAsync(members(archive), { code: 'image-build-failed' });
});

/** Changes the first header of an archive and mends its checksum. */
function patched(archive: Buffer, patch: (header: Buffer) => void): Buffer {
  const result = Buffer.from(archive);
  const header = result.subarray(0, 512);
  patch(header);
  header.fill(0x20, 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return result;
}

test('hard links, devices, pax headers and sparse files are refused', async (t) => {
  for (const type of ['1', '3', '4', '6', 'x', 'g', 'S', 'V']) {
    const archive = patched(makeTar([file('a', 'A')]), (header) => header.write(type, 156));
    await t.throwsAsync(members(archive), { code: 'image-build-failed' }, type);
  }
});

test('names that lead out of the tree are refused, also as long names', async (t) => {
  const names = [
    '/etc/passwd',
    '../x',
    'a/../../x',
    'a/..',
    './../x',
    'a//b',
    'a\\b',
    'a\nb',
    'a/./b',
    './/../x',
  ];
  for (const name of names) {
    const short = patched(makeTar([file('a', 'A')]), (header) => {
      header.fill(0, 0, 100);
      header.write(name, 0);
    });
    await t.throwsAsync(
      members(short, () => false),
      { code: 'image-build-failed' },
      name,
    );
    const long = `${'x'.repeat(120)}/../../${name}`;
    await t.throwsAsync(members(makeTar([file(long, 'A')])), { code: 'image-build-failed' }, long);
  }
});

test('names that are not UTF-8, and numbers that are not octal, are refused', async (t) => {
  const notUtf8 = patched(makeTar([file('a', 'A')]), (header) => header.writeUInt8(0xff, 0));
  await t.throwsAsync(members(notUtf8), { code: 'image-build-failed' });
  const notOctal = patched(makeTar([file('a', 'A')]), (header) => header.write('9', 124));
  await t.throwsAsync(members(notOctal), { code: 'image-build-failed' });
  const huge = patched(makeTar([file('a', 'A')]), (header) => header.write('77777777777', 124));
  await t.throwsAsync(members(huge), { code: 'image-build-failed' });
});

test('the root of the archive has no path', (t) => {
  for (const name of ['', '.', './', './/']) {
    t.is(safePath(name, 'a.tar'), '');
  }
  t.is(safePath('./usr/bin/', 'a.tar'), 'usr/bin');
});

const segment = fc.stringMatching(/^[A-Za-z0-9_+~=,é-]{1,90}$/).filter((text) => text !== '');

test('what the writer writes, the reader reads', async (t) => {
  const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));
  const content = fc.uint8Array({ maxLength: 1500 });
  const entries = fc.uniqueArray(fc.tuple(path, content), { selector: ([name]) => name, maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(entries, async (made) => {
      const tree = made
        .map(([name, data]): TreeEntry => file(name, data))
        .sort((a, b) => compareBytes(a.path, b.path));
      const back = await members(Buffer.concat([...writeTar(tree, 1_700_000_000)]));
      t.deepEqual(
        back.map((member) => [member.path, member.kind === 'file' ? [...member.data] : []]),
        tree.map((entry) => [entry.path, entry.kind === 'file' ? [...entry.data] : []]),
      );
    }),
    { numRuns: 50 },
  );
});
