import test from 'ava';
import fc from 'fast-check';
import { decompress } from 'fzstd';
import { buildTable, normalize } from '../../../iso/formats/zstd/fse.ts';
import { buildHuffman } from '../../../iso/formats/zstd/huffman.ts';
import { log2 } from '../../../iso/formats/zstd/log2.ts';
import { zstdCompress } from '../../../iso/formats/zstd/zstd.ts';

const effort = { depth: 16, niceLength: 64 };

/** Numbers that look random and are the same in every run (a linear congruential generator). */
function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

/** Text of few words in changing order: matches of all lengths, literals of uneven frequency. */
function prose(length: number): Uint8Array {
  const words = ['machine', 'engine', ' boot ', 'image', 'a', 'certificate', '\n', 'snapshot of ', 'disk'];
  const order = noise(length, 5);
  let text = '';
  for (let i = 0; text.length < length; i += 1) {
    text += words[(order[i] ?? 0) % words.length] ?? '';
    text += (order[i] ?? 0) > 240 ? String(order[i + 1]) : ' ';
  }
  return Buffer.from(text.slice(0, length));
}

function roundTrip(data: Uint8Array): Uint8Array {
  const packed = zstdCompress(data, effort);
  return decompress(packed, new Uint8Array(data.length));
}

test('data of every kind come back', (t) => {
  const bytes = Uint8Array.from({ length: 5000 }, (_, i) => i & 0xff);
  const samples: Record<string, Uint8Array> = {
    one: Uint8Array.of(7),
    zeros: new Uint8Array(300_000),
    noise: noise(200_000),
    prose: prose(400_000),
    counting: bytes,
    'noise after prose': Buffer.concat([prose(150_000), noise(150_000), prose(150_000)]),
    'far repeats': Buffer.concat([noise(300_000), noise(300_000)]),
    'long runs': Buffer.concat([
      new Uint8Array(70_000),
      noise(10),
      new Uint8Array(70_000).fill(1),
      noise(10),
    ]),
  };
  for (const [name, data] of Object.entries(samples)) {
    t.true(Buffer.from(roundTrip(data)).equals(data), name);
  }
});

test('sizes around the borders of every field come back', (t) => {
  const text = prose(1 << 18);
  for (const size of [
    ...[2, 3, 4, 5, 31, 32, 63, 64, 65, 255, 256, 257, 1023, 1024, 4095, 4096, 16383, 16384],
    ...[65535, 65536, 65791, 65792, 131071, 131072, 131073, 262144],
  ]) {
    const data = text.subarray(0, size);
    t.true(Buffer.from(roundTrip(data)).equals(data), String(size));
  }
});

test('any data come back', (t) => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 300 }),
    fc
      .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.integer({ min: 1, max: 400 }))
      .map(([unit, count]) =>
        Uint8Array.from({ length: unit.length * count }, (_, i) => unit[i % unit.length] ?? 0),
      ),
    fc.integer({ min: 1, max: 20_000 }).map((length) => prose(length)),
  );
  fc.assert(
    fc.property(fc.array(piece, { minLength: 1, maxLength: 12 }), (pieces) => {
      const data = Buffer.concat(pieces);
      t.true(data.length === 0 || Buffer.from(roundTrip(data)).equals(data));
    }),
    { numRuns: 60, seed: 11 },
  );
});

test('compressible data become small, other data hardly larger', (t) => {
  t.true(zstdCompress(new Uint8Array(1 << 20), effort).length < 100);
  t.true(zstdCompress(prose(1 << 18), effort).length < (1 << 18) / 4);
  t.true(zstdCompress(noise(1 << 18), effort).length < (1 << 18) + 32);
  const repeated = Buffer.concat([noise(200_000), noise(200_000)]);
  t.true(zstdCompress(repeated, effort).length < 201_000);
});

test('the same data give the same frame', (t) => {
  const data = prose(200_000);
  t.deepEqual(zstdCompress(data, effort), zstdCompress(Uint8Array.from(data), effort));
});

test('nothing gives an empty frame', (t) => {
  t.deepEqual([...zstdCompress(new Uint8Array(0), effort)], [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0]);
});

test('normalised counts fill the table and leave no symbol out', (t) => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100_000 }), { minLength: 2, maxLength: 50 }), (counts) => {
      if (counts.filter((count) => count > 0).length < 2) {
        return;
      }
      const states = normalize(counts, 9);
      t.is(
        states.reduce((sum, count) => sum + count, 0),
        512,
      );
      t.true(states.every((count, symbol) => count > 0 === (counts[symbol] ?? 0) > 0));
      t.true(buildTable(states, 9).nextState.every((state) => state >= 512 && state < 1024));
    }),
    { numRuns: 200, seed: 2 },
  );
});

test('Huffman codes are complete and at most 11 bits long, however uneven the counts', (t) => {
  const uneven = Array.from({ length: 40 }, (_, i) => Math.round(1.6 ** i));
  for (const counts of [uneven, [1, 1], [0, 5, 0, 1], new Array<number>(256).fill(3)]) {
    const { lengths } = buildHuffman(counts);
    const used = [...lengths].filter((length) => length > 0);
    t.is(used.length, counts.filter((count) => count > 0).length);
    t.true(Math.max(...used) <= 11);
    t.is(
      used.reduce((sum, length) => sum + 2 ** -length, 0),
      1,
    );
  }
});

test('logarithms are right to sixteen binary places', (t) => {
  for (const value of [1, 2, 3, 0.5, 0.3, 255, 256, 1e6, 1 / 3]) {
    const difference = Math.log2(value) - log2(value);
    t.true(difference > -1e-9 && difference < 2 ** -15.9, String(value));
  }
});
