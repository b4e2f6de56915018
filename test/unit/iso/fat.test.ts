import test from 'ava';
import fc from 'fast-check';
import { fatImage, type FatOptions } from '../../../iso/formats/fat.ts';
import { readFat } from './read-fat.ts';

const base: FatOptions = {
  files: [],
  label: 'tsmefi',
  sourceDateEpoch: Date.UTC(2026, 10, 21, 13, 14, 15) / 1000,
  idSeed: 'seed',
};

function build(files: Readonly<Record<string, Uint8Array>>, more: Partial<FatOptions> = {}): Buffer {
  const list = Object.entries(files).map(([path, bytes]) => ({ path, bytes }));
  return Buffer.from(fatImage({ ...base, files: list, ...more }));
}

function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 31 + (i >> 8)) & 0xff);
}

test('an EFI partition is a FAT12 volume with both loaders', (t) => {
  const shim = pattern(1_036_152);
  const grub = pattern(2_328_000);
  const read = readFat(
    build({ 'EFI/BOOT/BOOTX64.EFI': shim, 'efi/boot/grubx64.efi': grub, 'EMPTY.TXT': pattern(0) }),
  );
  t.false(read.isFat16);
  t.is(read.label, 'TSMEFI');
  t.deepEqual([...read.files.keys()].sort(), ['EFI/BOOT/BOOTX64.EFI', 'EFI/BOOT/GRUBX64.EFI', 'EMPTY.TXT']);
  t.true(read.files.get('EFI/BOOT/BOOTX64.EFI')?.equals(shim));
  t.true(read.files.get('EFI/BOOT/GRUBX64.EFI')?.equals(grub));
});

test('many clusters make it FAT16, on either side of the limit', (t) => {
  const cluster = 2048;
  for (const [clusters, isFat16] of [
    [4083, false],
    [4084, false],
    [4085, true],
    [9000, true],
  ] as const) {
    const data = pattern(clusters * cluster);
    const read = readFat(build({ 'A.BIN': data }));
    t.is(read.isFat16, isFat16, String(clusters));
    t.true(read.files.get('A.BIN')?.equals(data));
  }
});

test('any small tree is read back', (t) => {
  const name = fc.stringMatching(/^[A-Z0-9]{1,8}(\.[A-Z0-9]{1,3})?$/);
  const path = fc.array(name, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
  fc.assert(
    fc.property(fc.dictionary(path, fc.uint8Array({ maxLength: 6000 }), { maxKeys: 30 }), (files) => {
      const paths = Object.keys(files);
      const chosen = Object.fromEntries(
        Object.entries(files).filter(([at]) => !paths.some((other) => other.startsWith(`${at}/`))),
      );
      const read = readFat(build(chosen));
      t.is(read.files.size, Object.keys(chosen).length);
      for (const [at, bytes] of Object.entries(chosen)) {
        t.true(read.files.get(at)?.equals(bytes), at);
      }
    }),
    { numRuns: 60, seed: 3 },
  );
});

test('times, serial number and bytes depend on the options alone', (t) => {
  const files = { 'A/B.TXT': pattern(10) };
  t.deepEqual(build(files), build(files));
  const read = readFat(build(files));
  const date = ((2026 - 1980) << 9) | (11 << 5) | 21;
  const time = (13 << 11) | (14 << 5) | (15 >> 1);
  t.true(read.times.every(([d, s]) => d === date && s === time));
  t.not(read.serial, readFat(build(files, { idSeed: 'other' })).serial);
  // FAT knows no time before 1980.
  t.deepEqual(readFat(build(files, { sourceDateEpoch: 0 })).times[0], [(1 << 5) | 1, 0]);
});

test('free room can be asked for', (t) => {
  t.true(build({}, { freeBytes: 3_000_000 }).length > 3_000_000);
  t.true(build({}).length < 30_000);
});

test('names that are not short, or used twice, are refused', (t) => {
  for (const path of ['grub.config', 'toolongname.efi', 'a b', 'a..b', '', 'A/', '/A', 'ä.txt']) {
    t.throws(() => build({ [path]: pattern(1) }), { code: 'image-build-failed' }, path);
  }
  t.throws(() => build({ a: pattern(1), A: pattern(1) }), { code: 'image-build-failed' });
  t.throws(() => build({ a: pattern(1), 'A/B': pattern(1) }), { code: 'image-build-failed' });
  t.throws(() => build({}, { label: 'much too long' }), { code: 'image-build-failed' });
});
