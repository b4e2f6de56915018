import test from 'ava';
import fc from 'fast-check';
import { contentOf, typeBits, type TreeEntry } from '../../../iso/formats/entry.ts';
import { writeNewc } from '../../../iso/formats/newc.ts';
import { directory, file, symlink } from './make-deb.ts';

interface Member {
  readonly name: string;
  readonly fields: readonly number[];
  readonly data: string;
}

/** A reader of newc archives from the kernel's description of the format. */
function read(archive: Buffer): Member[] {
  const members: Member[] = [];
  let offset = 0;
  for (;;) {
    if (archive.toString('latin1', offset, offset + 6) !== '070701') {
      throw new Error(`no header at ${offset}`);
    }
    const fields = Array.from({ length: 13 }, (_, index) =>
      Number.parseInt(archive.toString('latin1', offset + 6 + index * 8, offset + 14 + index * 8), 16),
    );
    const nameEnd = offset + 110 + (fields[11] ?? 0);
    const name = archive.toString('utf8', offset + 110, nameEnd - 1);
    const start = Math.ceil(nameEnd / 4) * 4;
    const end = start + (fields[6] ?? 0);
    if (name === 'TRAILER!!!') {
      return members;
    }
    members.push({ name, fields, data: archive.toString('latin1', start, end) });
    offset = Math.ceil(end / 4) * 4;
  }
}

test('headers have numbers of the entry and nothing of this computer', (t) => {
  const archive = Buffer.concat([
    ...writeNewc([directory('bin'), file('bin/busybox', 'ELF', 0o755), symlink('bin/sh', 'busybox')]),
  ]);
  const found = read(archive).map(({ name, fields, data }) => [name, fields.slice(0, 7), data]);
  t.deepEqual(found, [
    ['bin', [1, 0o40755, 0, 0, 1, 0, 0], ''],
    ['bin/busybox', [2, 0o100755, 0, 0, 1, 0, 3], 'ELF'],
    ['bin/sh', [3, 0o120777, 0, 0, 1, 0, 7], 'busybox'],
  ]);
  t.is(archive.length % 4, 0);
});

test('any entries come back', (t) => {
  const entry = fc
    .tuple(
      fc.stringMatching(/^[!-~é]{1,60}$/),
      fc.uint8Array({ maxLength: 50 }),
      fc.integer({ min: 0, max: 0o7777 }),
    )
    .map(([name, data, mode]): TreeEntry => file(name, data, mode));
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 10 }), (entries) => {
      const found = read(Buffer.concat([...writeNewc(entries)]));
      t.deepEqual(
        found.map(({ name, fields, data }) => [name, fields[1], data]),
        entries.map((one) => [
          one.path,
          typeBits.file | one.mode,
          Buffer.from(contentOf(one)).toString('latin1'),
        ]),
      );
    }),
  );
});
