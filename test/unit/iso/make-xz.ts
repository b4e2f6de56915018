/** Test helper: packs bytes as xz without compressing them, so that tests need no xz program. */

const chunkMaxBytes = 0x10000;

/** An xz stream (xz-file-format 1.2.1) of one block with stored LZMA2 chunks and a CRC32 check. */
export function makeXz(data: Uint8Array): Buffer {
  const flags = Buffer.from([0x00, 0x01]);
  const header = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), flags, crc(flags)]);
  // Block header of 12 bytes: size field 2, no optional fields, filter LZMA2 with a dictionary of 64 KiB.
  const blockStart = Buffer.from([0x02, 0x00, 0x21, 0x01, 0x08, 0x00, 0x00, 0x00]);
  const blockHeader = Buffer.concat([blockStart, crc(blockStart)]);
  const chunks: Buffer[] = [];
  for (let offset = 0; offset < data.length; offset += chunkMaxBytes) {
    const piece = data.subarray(offset, offset + chunkMaxBytes);
    const size = Buffer.alloc(2);
    size.writeUInt16BE(piece.length - 1);
    // Control byte 1 resets the dictionary, 2 goes on with it.
    chunks.push(Buffer.from([offset === 0 ? 1 : 2]), size, Buffer.from(piece));
  }
  const packed = Buffer.concat([...chunks, Buffer.from([0])]);
  const unpaddedBytes = blockHeader.length + packed.length + 4;
  const block = Buffer.concat([blockHeader, packed, padding(packed.length), crc(data)]);
  const records = Buffer.concat([Buffer.from([0, 1]), varint(unpaddedBytes), varint(data.length)]);
  const index = Buffer.concat([records, padding(records.length)]);
  const indexWithSum = Buffer.concat([index, crc(index)]);
  const backward = Buffer.alloc(4);
  backward.writeUInt32LE(indexWithSum.length / 4 - 1);
  const footer = Buffer.concat([crc(Buffer.concat([backward, flags])), backward, flags, Buffer.from('YZ')]);
  return Buffer.concat([header, block, indexWithSum, footer]);
}

function padding(sizeBytes: number): Buffer {
  return Buffer.alloc((4 - (sizeBytes % 4)) % 4);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 0x80) {
    bytes.push((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return Buffer.from([...bytes, rest]);
}

function crc(data: Uint8Array): Buffer {
  let sum = 0xffffffff;
  for (const byte of data) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit += 1) {
      sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
    }
  }
  const result = Buffer.alloc(4);
  result.writeUInt32LE((sum ^ 0xffffffff) >>> 0);
  return result;
}
