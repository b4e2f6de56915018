/** Test helper: something that looks like a bzImage with a zstd payload. */

/** A zstd frame (RFC 8878) of one stored block. */
export function makeZstd(data: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUInt32LE(0xfd2fb528, 0);
  // Single segment, content size in four bytes.
  head.writeUInt8(0xa0, 4);
  head.writeUInt32LE(data.length, 5);
  const block = Buffer.alloc(3);
  block.writeUIntLE((data.length << 3) | 1, 0, 3);
  return Buffer.concat([head, block, Buffer.from(data)]);
}

/** A bzImage of one setup sector whose payload unpacks to `vmlinux`. */
export function makeBzImage(vmlinux: Uint8Array, payload: Buffer = makeZstd(vmlinux)): Buffer {
  const setup = Buffer.alloc(1024);
  setup.writeUInt8(1, 0x1f1);
  setup.write('HdrS', 0x202, 'latin1');
  const gap = Buffer.alloc(16);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(vmlinux.length);
  setup.writeUInt32LE(gap.length, 0x248);
  setup.writeUInt32LE(payload.length + size.length, 0x24c);
  return Buffer.concat([setup, gap, payload, size, Buffer.alloc(32)]);
}
