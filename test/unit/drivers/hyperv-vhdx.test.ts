import fc from 'fast-check';
import test from 'ava';
import { dynamicVhdx } from '../../../src/drivers/hyperv/vhdx/build.ts';
import { crc32c } from '../../../src/drivers/hyperv/vhdx/crc32c.ts';
import { blockEntries, mebibyte } from '../../../src/drivers/hyperv/vhdx/format.ts';
import { growthFault, growthPatches, readVhdx, type Patch } from '../../../src/drivers/hyperv/vhdx/grow.ts';
import { guidBytes } from '../../../src/drivers/hyperv/vhdx/guid.ts';

const guids = [1, 2, 3].map((value) => new Uint8Array(16).fill(value)) as unknown as readonly [
  Uint8Array,
  Uint8Array,
  Uint8Array,
];
const newGuid = new Uint8Array(16).fill(9);

function disk(diskMiB: number, growsToMiB = diskMiB, content = 'the beginning'): Uint8Array {
  return dynamicVhdx({
    diskBytes: diskMiB * mebibyte,
    growsToBytes: growsToMiB * mebibyte,
    content: new TextEncoder().encode(content),
    guids,
  });
}

const facts = (file: Uint8Array): ReturnType<typeof readVhdx> =>
  readVhdx(async (offset, length) => file.subarray(offset, offset + length));

function patch(file: Uint8Array, patches: readonly Patch[]): void {
  for (const { offset, bytes } of patches) {
    file.set(bytes, offset);
  }
}

test('the checksum and the GUIDs are those of the format', (t) => {
  t.is(crc32c(new TextEncoder().encode('123456789')), 0xe3069283);
  t.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  t.deepEqual(
    [...guidBytes('2dc27766-f623-4200-9d64-115e9bfd4a08')],
    [0x66, 0x77, 0xc2, 0x2d, 0x23, 0xf6, 0x00, 0x42, 0x9d, 0x64, 0x11, 0x5e, 0x9b, 0xfd, 0x4a, 0x08],
  );
});

test('the structures lie where the format wants them, all in units of 1 MiB', (t) => {
  const file = disk(20_000);
  const text = (offset: number, length: number): string =>
    Buffer.from(file.subarray(offset, offset + length)).toString('latin1');
  t.is(text(0, 8), 'vhdxfile');
  t.deepEqual(
    [64, 128, 192, 256].map((place) => text(place * 1024, 4)),
    ['head', 'head', 'regi', 'regi'],
  );
  t.is(text(2 * mebibyte, 8), 'metadata');
  t.is(file.length % mebibyte, 0);
  t.is(file.length, 5 * mebibyte, 'log, metadata, table and one block');
  t.is(text(4 * mebibyte, 13), 'the beginning');
  const entry = new DataView(file.buffer).getBigUint64(3 * mebibyte, true);
  t.is(entry, (4n << 20n) | 6n);
  t.is(disk(20_000, 20_000, '').length, 4 * mebibyte, 'nothing in it is no block');
});

test('what is built is read, and a damaged copy of a structure does no harm', async (t) => {
  const file = disk(20_000);
  const whole = await facts(file);
  t.like(whole, { diskBytes: 20_000 * mebibyte, blockBytes: mebibyte, hasParent: false, isClean: true });
  for (const place of [64, 192]) {
    file.fill(0xff, place * 1024 + 8, place * 1024 + 16);
    t.like(await facts(file), { diskBytes: 20_000 * mebibyte });
  }
  file.fill(0xff, 128 * 1024 + 8, 128 * 1024 + 16);
  t.is(await facts(file), undefined, 'both headers are damaged');
  t.is(await facts(new Uint8Array(100)), undefined);
  t.is(await facts(new Uint8Array(3 * mebibyte)), undefined);
});

test('a disk grows as far as its table of blocks goes', async (t) => {
  const file = disk(1000, 100_000);
  let before = await facts(file);
  for (const sizeMiB of [2000, 3000, 100_000]) {
    t.is(growthFault(before ?? t.fail(), sizeMiB * mebibyte), undefined);
    patch(file, growthPatches(before ?? t.fail(), sizeMiB * mebibyte, newGuid));
    const after = await facts(file);
    t.is(after?.diskBytes, sizeMiB * mebibyte);
    t.is(after?.header.sequence, (before?.header.sequence ?? 0n) + 1n);
    before = after;
  }
  t.regex(growthFault(before ?? t.fail(), 200_000 * mebibyte) ?? '', /no room/);
});

test('a growth that is cut off between its writes leaves a good disk', async (t) => {
  const file = disk(1000, 100_000);
  const [first = t.fail()] = growthPatches((await facts(file)) ?? t.fail(), 2000 * mebibyte, newGuid);
  patch(file, [first]);
  t.like(await facts(file), { diskBytes: 1000 * mebibyte, isClean: true });
  // The new header was not written whole: the old one counts.
  file.fill(0, first.offset + 2048, first.offset + 4096);
  file.fill(0xff, first.offset + 16, first.offset + 20);
  t.like(await facts(file), { diskBytes: 1000 * mebibyte, isClean: true });
});

test('a disk that was not closed, or that belongs to a checkpoint, is not touched', async (t) => {
  const found = (await facts(disk(1000))) ?? t.fail();
  t.regex(growthFault({ ...found, isClean: false }, mebibyte) ?? '', /not closed properly/);
  t.regex(growthFault({ ...found, hasParent: true }, mebibyte) ?? '', /checkpoint/);
});

test('any size is read back, and any bytes are read without an error', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300_000 }), async (sizeMiB) => {
      const found = await facts(disk(sizeMiB));
      return (
        found?.diskBytes === sizeMiB * mebibyte &&
        found.entriesMax >= blockEntries(sizeMiB * mebibyte, mebibyte)
      );
    }),
    { seed: 1, numRuns: 20 },
  );
  const file = disk(1000);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 320 * 1024 }),
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      async (offset, bytes) => {
        const kept = file.slice(offset, offset + bytes.length);
        file.set(bytes, offset);
        await facts(file);
        file.set(kept, offset);
        return (await facts(file))?.diskBytes === 1000 * mebibyte;
      },
    ),
    { seed: 1, numRuns: 100 },
  );
  t.pass();
});
