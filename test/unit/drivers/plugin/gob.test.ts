import test, { type ExecutionContext } from 'ava';
import fc from 'fast-check';
import { createByteSource } from '../../../../src/drivers/plugin/gob/byte-source.ts';
import { createGobDecoder, type Decoded } from '../../../../src/drivers/plugin/gob/decoder.ts';
import { createGobEncoder } from '../../../../src/drivers/plugin/gob/encoder.ts';
import {
  GobError,
  gobBool,
  gobBytes,
  gobEmptyStruct,
  gobFloat,
  gobInt,
  gobInterface,
  GobInterface,
  gobString,
  gobUint,
  mapOf,
  MESSAGE_MAX_BYTES,
  sliceOf,
  structOf,
  type GobType,
  type GobValue,
} from '../../../../src/drivers/plugin/gob/types.ts';

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

// As Go 1.19 writes them.
const vectors: readonly {
  readonly title: string;
  readonly type: GobType;
  readonly value: GobValue;
  readonly bytes: string;
}[] = [
  { title: 'an empty struct', type: gobEmptyStruct, value: {}, bytes: '0aff81030102ff82000000 03ff8200' },
  { title: 'int 5', type: gobInt, value: 5, bytes: '0304000a' },
  { title: 'bytes', type: gobBytes, value: hex('616263'), bytes: '060a0003616263' },
];

async function* inPieces(bytes: Uint8Array, sizeBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += sizeBytes) {
    yield await Promise.resolve(bytes.subarray(at, at + sizeBytes));
  }
}

async function decodeAll(bytes: Uint8Array, pieceBytes = bytes.length + 1): Promise<Decoded[]> {
  const decoder = createGobDecoder(createByteSource(inPieces(bytes, pieceBytes)));
  const found: Decoded[] = [];
  for (;;) {
    const next = await decoder.next();
    if (next === undefined) {
      return found;
    }
    found.push(next);
  }
}

async function roundTrip(type: GobType, value: GobValue): Promise<GobValue> {
  const [first] = await decodeAll(createGobEncoder().encode(type, value));
  return first?.value ?? null;
}

for (const { title, type, value, bytes } of vectors) {
  test(`${title} is written and read as Go does it`, async (t) => {
    // Go numbers its types as it meets them, like the encoder, but gives 65 to the first of a program.
    t.is(toHex(createGobEncoder().encode(type, value)), bytes.replaceAll(' ', ''));
    for (const pieceBytes of [1, 3, 1000]) {
      const [found, ...more] = await decodeAll(hex(bytes), pieceBytes);
      t.deepEqual({ ...(found?.value as object) }, { ...(value as object) });
      t.is(more.length, 0);
    }
  });

  test(`${title}: every beginning that is not the whole is refused`, async (t) => {
    await everyBeginningIsRefused(t, hex(bytes));
  });
}

async function everyBeginningIsRefused(t: ExecutionContext, bytes: Uint8Array): Promise<void> {
  t.deepEqual(await decodeAll(bytes.subarray(0, 0)), []);
  for (let length = 1; length < bytes.length; length += 1) {
    await t.throwsAsync(decodeAll(bytes.subarray(0, length)), { instanceOf: GobError });
  }
}

test('a type is defined once in a stream', async (t) => {
  const encoder = createGobEncoder();
  const first = encoder.encode(gobEmptyStruct, {});
  const second = encoder.encode(gobEmptyStruct, {});
  t.is(toHex(second), '03ff8200');
  t.is((await decodeAll(Buffer.concat([first, second]))).length, 2);
});

const intFlag = structOf('IntFlag', { Name: gobString, Value: gobInt });
const stringFlag = structOf('StringFlag', { Name: gobString, Value: gobString });
const nested = structOf('Nested', { Any: gobInterface, Values: mapOf(gobString, gobInterface) });

test('interface values, also inside of one another, come back with name and content', async (t) => {
  const value = [
    new GobInterface('*f.IntFlag', intFlag, { Name: 'memory', Value: -1024 }),
    null,
    new GobInterface('*f.Nested', nested, {
      Any: new GobInterface('*f.StringFlag', stringFlag, { Name: 'größe 😀', Value: 'x\u0000y' }),
      Values: new Map<string, GobValue>([
        ['list', new GobInterface('[]string', sliceOf(gobString), ['a', '', 'b'])],
        ['none', null],
        ['on', new GobInterface('bool', gobBool, true)],
      ]),
    }),
  ];
  const found = (await roundTrip(sliceOf(gobInterface), value)) as readonly GobInterface[];
  t.is(found[0]?.name, '*f.IntFlag');
  t.deepEqual({ ...(found[0]?.value as object) }, { Name: 'memory', Value: -1024 });
  t.is(found[1], null as never);
  const inner = found[2]?.value as { Any: GobInterface; Values: Map<string, GobInterface | null> };
  t.deepEqual({ ...(inner.Any.value as object) }, { Name: 'größe 😀', Value: 'x\u0000y' });
  t.deepEqual(inner.Values.get('list')?.value, ['a', '', 'b']);
  t.is(inner.Values.get('none'), null);
  t.is(inner.Values.get('on')?.value, true);
  await everyBeginningIsRefused(t, createGobEncoder().encode(sliceOf(gobInterface), value));
});

// Written by Go: the definitions of the concrete types stand in the middle of the interface values.
test('type definitions in the middle of an interface value are read, at top level and deeper', async (t) => {
  const bytes = hex(recordedNestedDefinitions);
  for (const pieceBytes of [1, 1000]) {
    const [found] = await decodeAll(bytes, pieceBytes);
    const [outer, plain] = found?.value as readonly GobInterface[];
    t.is(outer?.name, '*main.Box');
    const inner = (outer?.value as { Content: GobInterface }).Content;
    t.is(inner.name, '*main.Ball');
    t.deepEqual({ ...(inner.value as object) }, { Colour: 'red' });
    t.deepEqual(plain?.value, ['a', 'b']);
  }
  await everyBeginningIsRefused(t, bytes);
});

test('whole numbers keep all 64 bits', async (t) => {
  const int = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });
  await fc.assert(
    fc.asyncProperty(int, async (value) => {
      const found = await roundTrip(gobInt, value);
      t.is(BigInt(found as number), value);
      t.is(typeof found === 'number', Number.isSafeInteger(Number(value)));
    }),
    { seed: 1 },
  );
  t.is(await roundTrip(gobUint, 2n ** 64n - 1n), 2n ** 64n - 1n);
  t.is(await roundTrip(gobInt, -(2n ** 63n)), -(2n ** 63n));
});

test('floats keep every bit', async (t) => {
  await fc.assert(
    fc.asyncProperty(fc.double(), async (value) => {
      t.is(await roundTrip(gobFloat, value), value);
      const { Value: found } = (await roundTrip(structOf('', { Value: gobFloat }), { Value: value })) as {
        Value?: number;
      };
      t.is(found ?? 0, value);
    }),
    { seed: 2 },
  );
});

test('texts, lists and maps of any content come back', async (t) => {
  const content = fc.dictionary(fc.string({ unit: 'grapheme' }), fc.array(fc.string({ unit: 'grapheme' })));
  const type = mapOf(gobString, sliceOf(gobString));
  await fc.assert(
    fc.asyncProperty(content, async (value) => {
      const found = await roundTrip(type, new Map(Object.entries(value)));
      t.deepEqual(found, new Map(Object.entries(value)));
    }),
    { seed: 3 },
  );
});

test('whatever bytes arrive, the decoder ends, and only with a GobError', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 9 }),
      async (bytes, size) => {
        await endsWell(t, bytes, size);
      },
    ),
    { seed: 4, numRuns: 2000 },
  );
});

test('good bytes with one that was changed end in a value or a GobError', async (t) => {
  const good = hex(recordedNestedDefinitions);
  for (let at = 0; at < good.length; at += 1) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const bytes = good.slice();
      bytes[at] = (bytes[at] ?? 0) ^ flip;
      await endsWell(t, bytes, 1000);
    }
  }
});

async function endsWell(t: ExecutionContext, bytes: Uint8Array, pieceBytes: number): Promise<void> {
  try {
    t.true((await decodeAll(bytes, pieceBytes)).length <= bytes.length);
  } catch (error) {
    t.true(error instanceof GobError, String(error));
  }
}

const hostile: Readonly<Record<string, string>> = {
  'a message longer than is allowed': 'fb7fffffffff',
  'an integer of nine bytes': 'f7010101010101010101',
  'a type that is not defined': '03ff8400',
  'a count without its elements': '0f ff81 02 01 02 ff82 00 01 0c 00 00 06 ff82 00 fc 7fffffff',
  'a definition of a built-in type': '05 03 03 01 00 00',
  'a definition of nothing': '03 ff81 00',
  'a value with something behind it': '0404000a00',
  'a value that is no struct without its zero': '0304010a',
};

for (const [title, bytes] of Object.entries(hostile)) {
  test(`refused: ${title}`, async (t) => {
    await t.throwsAsync(decodeAll(hex(bytes)), { instanceOf: GobError });
  });
}

test('refused: the same type defined twice', async (t) => {
  const once = hex('0aff81030102ff82000000');
  await t.throwsAsync(decodeAll(Buffer.concat([once, once, hex('03ff8200')])), { message: /twice/ });
});

test('refused: a type that contains only itself, nested without end', async (t) => {
  const self: { kind: 'slice'; name: string; element: () => GobType } = {
    kind: 'slice',
    name: 'S',
    element: () => self,
  };
  const encoded = createGobEncoder().encode(self, []);
  // The definition, then a value in which every list has one element.
  const definition = encoded.subarray(0, encoded.length - 5);
  const value = Buffer.concat([hex('fe07d3 ff82 00'), Buffer.alloc(2000, 1)]);
  await t.throwsAsync(decodeAll(Buffer.concat([definition, value])), { message: /nested too deeply/ });
});

test('values that are not of their type are not written', (t) => {
  const wrong: readonly [GobType, GobValue][] = [
    [gobInt, '5'],
    [gobInt, 1.5],
    [gobInt, 2n ** 64n],
    [gobUint, -1],
    [gobString, 5],
    [gobBool, 1],
    [gobBytes, 'abc'],
    [sliceOf(gobString), 'abc'],
    [mapOf(gobString, gobInt), {}],
    [intFlag, []],
    [gobInterface, 'bare'],
    [gobInterface, new GobInterface('', gobString, 'x')],
    [gobBytes, new Uint8Array(MESSAGE_MAX_BYTES + 1)],
  ];
  for (const [type, value] of wrong) {
    t.throws(() => createGobEncoder().encode(type, value), { instanceOf: GobError });
  }
});

/**
 * `[]interface{}{&Box{Content: &Ball{Colour: "red"}}, []string{"a", "b"}}` with both structs registered by the names
 * that Go gives them.
 */
const recordedNestedDefinitions =
  '0cff81020102ff8200011000002bff820002092a6d61696e2e426f78ff8303010103426f7801ff840001010107436f6e74656e7401100000004cff8429010a2a6d61696e2e42616c6cff850301010442616c6c01ff860001010106436f6c6f7572010c0000000aff860601037265640000085b5d737472696e67ff87020102ff8800010c000009ff8806000201610162';
