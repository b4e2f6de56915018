import test from 'ava';
import { bootCatalog, withBootInfoTable } from '../../../iso/formats/el-torito.ts';
import { imageBytes } from '../../../iso/formats/image-layout.ts';
import { layoutIso9660, type IsoOptions } from '../../../iso/formats/iso9660.ts';
import { readIso9660 } from './read-iso9660.ts';

const loader = Uint8Array.from({ length: 5001 }, (_, i) => (i * 7) & 0xff);
const options: IsoOptions = {
  entries: [
    { kind: 'file', path: '/isolinux/isolinux.bin', content: { bytes: loader } },
    { kind: 'file', path: '/boot/efi.img', content: { bytes: new Uint8Array(1_500_000) } },
  ],
  volumeId: 'BOOT',
  sourceDateEpoch: 1_700_000_000,
  boot: { catalogPath: '/isolinux/boot.cat', biosPath: '/isolinux/isolinux.bin', efiPath: '/boot/efi.img' },
};

test('the boot record names the catalogue, and the catalogue both loaders', (t) => {
  const image = Buffer.from(imageBytes(layoutIso9660(options)));
  const record = image.subarray(17 * 2048, 18 * 2048);
  t.is(record.toString('latin1', 0, 30), '\0CD001\x01EL TORITO SPECIFICATION');
  const { nodes } = readIso9660(image);
  const catalogLba = record.readUInt32LE(0x47);
  t.is(nodes.get('/isolinux/boot.cat')?.lba, catalogLba);

  const catalog = image.subarray(catalogLba * 2048, (catalogLba + 1) * 2048);
  let sum = 0;
  for (let at = 0; at < 32; at += 2) {
    sum = (sum + catalog.readUInt16LE(at)) & 0xffff;
  }
  t.is(sum, 0);
  t.deepEqual([catalog[0], catalog[1], catalog[30], catalog[31]], [1, 0, 0x55, 0xaa]);
  t.deepEqual([catalog[32], catalog[33], catalog.readUInt16LE(38)], [0x88, 0, 4]);
  t.is(nodes.get('/isolinux/isolinux.bin')?.lba, catalog.readUInt32LE(40));
  t.deepEqual([catalog[64], catalog[65], catalog.readUInt16LE(66)], [0x91, 0xef, 1]);
  t.deepEqual([catalog[96], catalog[97], catalog.readUInt16LE(102)], [0x88, 0, Math.ceil(1_500_000 / 512)]);
  t.is(nodes.get('/boot/efi.img')?.lba, catalog.readUInt32LE(104));
});

test('the BIOS loader gets its boot info table', (t) => {
  const image = Buffer.from(imageBytes(layoutIso9660(options)));
  const node = readIso9660(image).nodes.get('/isolinux/isolinux.bin');
  const stored = node?.data ?? Buffer.alloc(0);
  let sum = 0;
  const padded = Buffer.concat([stored, Buffer.alloc(3)]);
  for (let at = 64; at < stored.length; at += 4) {
    sum = (sum + padded.readUInt32LE(at)) >>> 0;
  }
  t.is(stored.readUInt32LE(8), 16);
  t.is(node?.lba, stored.readUInt32LE(12));
  t.is(stored.readUInt32LE(16), loader.length);
  t.is(stored.readUInt32LE(20), sum);
  t.true(stored.subarray(0, 8).equals(loader.subarray(0, 8)));
  t.true(stored.subarray(24, 64).equals(Buffer.alloc(40)));
  t.true(stored.subarray(64).equals(loader.subarray(64)));
});

test('an ISO for UEFI alone has it as the default entry', (t) => {
  const boot = { catalogPath: '/boot/boot.cat', biosPath: undefined, efiPath: '/boot/efi.img' };
  const image = Buffer.from(imageBytes(layoutIso9660({ ...options, boot })));
  const lba = readIso9660(image).nodes.get('/boot/boot.cat')?.lba ?? 0;
  const catalog = image.subarray(lba * 2048, (lba + 1) * 2048);
  t.deepEqual([catalog[1], catalog[32], catalog[64]], [0xef, 0x88, 0]);
});

test('a sum over words counts a last incomplete one as filled with zeros', (t) => {
  const table = Buffer.from(withBootInfoTable(new Uint8Array(66).fill(0xff), 30, 16));
  t.is(table.readUInt32LE(20), 0xffff);
});

test('loaders that are missing, too large or on the disk are refused', (t) => {
  const boot = options.boot ?? { catalogPath: '', biosPath: undefined, efiPath: undefined };
  t.throws(() => layoutIso9660({ ...options, boot: { ...boot, efiPath: '/other' } }), {
    code: 'image-build-failed',
  });
  t.throws(() => layoutIso9660({ ...options, boot: { ...boot, biosPath: '/other' } }), {
    code: 'image-build-failed',
  });
  t.throws(() => bootCatalog([]), { code: 'image-build-failed' });
  t.throws(() => bootCatalog([{ platform: 0xef, lba: 30, loadSectors: 65536 }]), {
    code: 'image-build-failed',
  });
});
