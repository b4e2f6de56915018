import { crc32 } from 'node:zlib';
import test from 'ava';
import { imageBytes } from '../../../iso/formats/image-layout.ts';
import { layoutIso9660 } from '../../../iso/formats/iso9660.ts';
import { withPartitionTables, type HybridOptions } from '../../../iso/formats/isohybrid.ts';

const biosPath = '/isolinux.bin';
const efiPath = '/efi.img';
const mbrCode = new Uint8Array(432).fill(0x90);
const volume = layoutIso9660({
  entries: [
    { kind: 'file', path: biosPath, content: { bytes: new Uint8Array(3000).fill(1) } },
    { kind: 'file', path: efiPath, content: { bytes: new Uint8Array(70_000).fill(2) } },
  ],
  volumeId: 'HYBRID',
  sourceDateEpoch: 0,
  boot: { catalogPath: '/boot.cat', biosPath, efiPath },
});

function hybrid(more: Partial<HybridOptions> = {}): Buffer {
  const options = { mbrCode, biosPath, efiPath, idSeed: 'seed', ...more };
  return Buffer.from(imageBytes(withPartitionTables(volume, options)));
}

const efiBlock = (volume.extents.get(efiPath)?.lba ?? 0) * 4;

test('the MBR starts isolinux and lists the whole image and the EFI partition', (t) => {
  const image = hybrid();
  t.is(image.length % (1 << 20), 0);
  t.true(image.subarray(0, 432).equals(mbrCode));
  t.is(image.readUInt32LE(432), (volume.extents.get(biosPath)?.lba ?? 0) * 4);
  t.is(image.readUInt16LE(510), 0xaa55);
  t.deepEqual([image[446], image[446 + 4]], [0x80, 0]);
  t.deepEqual([image.readUInt32LE(446 + 8), image.readUInt32LE(446 + 12)], [0, image.length / 512]);
  t.deepEqual([image[462], image[462 + 4]], [0, 0xef]);
  t.deepEqual(
    [image.readUInt32LE(462 + 8), image.readUInt32LE(462 + 12)],
    [efiBlock, Math.ceil(70_000 / 512)],
  );
});

test('both partition tables are sound and agree', (t) => {
  const image = hybrid();
  const last = image.length / 512 - 1;
  for (const [own, other, table] of [
    [1, last, 2],
    [last, 1, last - 32],
  ] as const) {
    const header = Buffer.from(image.subarray(own * 512, own * 512 + 92));
    t.is(header.toString('latin1', 0, 8), 'EFI PART');
    const sum = header.readUInt32LE(16);
    header.writeUInt32LE(0, 16);
    t.is(sum, crc32(header));
    t.is(Number(header.readBigUInt64LE(24)), own);
    t.is(Number(header.readBigUInt64LE(32)), other);
    t.is(Number(header.readBigUInt64LE(72)), table);
    const entries = image.subarray(table * 512, table * 512 + 128 * 128);
    t.is(header.readUInt32LE(88), crc32(entries));
    t.is(Number(entries.readBigUInt64LE(32)), 0);
    t.is(Number(entries.readBigUInt64LE(40)), volume.sizeBytes / 512 - 1);
    t.is(Number(entries.readBigUInt64LE(128 + 32)), efiBlock);
    t.is(entries.toString('utf16le', 128 + 56, 128 + 62), 'EFI');
    t.is(entries.toString('hex', 0, 16), 'a2a0d0ebe5b9334487c068b6b72699c7');
  }
});

test('the volume inside is untouched', (t) => {
  const image = hybrid();
  const plain = Buffer.from(imageBytes(volume));
  t.true(image.subarray(32768, plain.length).equals(plain.subarray(32768)));
});

test('ids follow the seed and nothing else', (t) => {
  t.deepEqual(hybrid(), hybrid());
  const [one, two] = [hybrid(), hybrid({ idSeed: 'other' })];
  t.not(one.readUInt32LE(440), two.readUInt32LE(440));
  t.notDeepEqual(one.subarray(568, 584), two.subarray(568, 584));
  t.notDeepEqual(one.subarray(1024 + 16, 1024 + 32), one.subarray(1024 + 144, 1024 + 160));
});

test('without a BIOS loader there is no code and no active partition', (t) => {
  const image = hybrid({ mbrCode: undefined, biosPath: undefined });
  t.true(image.subarray(0, 440).every((byte) => byte === 0));
  t.deepEqual([image[446], image[462 + 4]], [0, 0xef]);
});

test('a wrong boot code and missing files are refused', (t) => {
  t.throws(() => hybrid({ mbrCode: new Uint8Array(440) }), { code: 'image-build-failed' });
  t.throws(() => hybrid({ efiPath: '/other' }), { code: 'image-build-failed' });
});
