import test from 'ava';
import fc from 'fast-check';
import { unxz, unxzAll } from '../../../iso/formats/xz.ts';
import { makeXz } from './make-xz.ts';

// The decoder works on one stream at a time, so these tests come one after the other.
test.serial('data of any size comes back', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.integer({ min: 1, max: 1200 }),
      async (piece, times) => {
        const data = Buffer.concat(Array.from({ length: times }, () => piece));
        const back = await unxzAll(makeXz(data), 'a.xz', data.length);
        return back.equals(data);
      },
    ),
    { numRuns: 30 },
  );
  t.pass();
});

test.serial('data that is cut off or changed is refused, and the decoder stays usable', async (t) => {
  const packed = makeXz(Buffer.alloc(70_000, 'tsmachine'));
  for (const length of [0, 1, 11, 12, 30, 65_000, packed.length - 13]) {
    await t.throwsAsync(
      unxzAll(packed.subarray(0, length), 'cut.xz', 1e6),
      { code: 'image-build-failed' },
      `${length}`,
    );
  }
  const changed = Buffer.from(packed);
  changed[1000] = (changed[1000] ?? 0) ^ 1;
  const error = await t.throwsAsync(unxzAll(changed, 'changed.xz', 1e6), { code: 'image-build-failed' });
  t.regex(error.message, /changed\.xz/);
  t.is((await unxzAll(packed, 'good.xz', 1e6)).length, 70_000);
});

test.serial('a reader that stops early frees the decoder for the next', async (t) => {
  const packed = makeXz(Buffer.alloc(200_000, 1));
  for await (const chunk of unxz(packed, 'a.xz')) {
    t.true(chunk.length > 0);
    break;
  }
  t.is((await unxzAll(packed, 'a.xz', 1e6)).length, 200_000);
});

test.serial('more than the allowed size is refused', async (t) => {
  await t.throwsAsync(unxzAll(makeXz(Buffer.alloc(100_000)), 'bomb.xz', 1000), {
    code: 'image-build-failed',
  });
});
