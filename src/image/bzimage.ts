import zlib from 'node:zlib';
import { decompress as fzstdDecompress } from 'fzstd';
import { MachineError } from '../core/errors.ts';

const zstdMagic = 0xfd2fb528;
const kernelMaxBytes = 1 << 28;

/** `zlib.zstdDecompressSync`, which Node has from 22.15 on. */
type ZstdDecompress = (data: Uint8Array, options: { maxOutputLength: number }) => Uint8Array;

/**
 * The uncompressed kernel out of a bzImage with a zstd payload
 * (Documentation/arch/x86/boot.rst: `setup_sects` at 0x1f1, `HdrS` at 0x202, `payload_offset` at 0x248,
 * `payload_length` at 0x24c; the payload's last four bytes are the uncompressed size). QEMU starts it
 * directly by its PVH note, which saves the guest its own decompression.
 *
 * Without a zstd decoder in Node it takes some ten seconds. A caller that knows the hash of the result says so
 * with `hashIsKnown`; then it takes about one, but damage inside the zstd data may not be noticed here.
 * Throws `image-invalid`, naming `file`, for another kind of kernel.
 */
export function extractVmlinux(
  kernel: Uint8Array,
  file: string,
  { hashIsKnown = false }: { readonly hashIsKnown?: boolean } = {},
): Uint8Array {
  const bytes = Buffer.from(kernel.buffer, kernel.byteOffset, kernel.byteLength);
  if (bytes.length < 0x250 || bytes.toString('latin1', 0x202, 0x206) !== 'HdrS') {
    throw kernelError(file, 'It is not an x86 kernel.');
  }
  const setupSectors = bytes.readUInt8(0x1f1) || 4;
  const start = (setupSectors + 1) * 512 + bytes.readUInt32LE(0x248);
  const end = start + bytes.readUInt32LE(0x24c);
  if (end > bytes.length || end - start < 8) {
    throw kernelError(file, 'The kernel is cut off.');
  }
  if (bytes.readUInt32LE(start) !== zstdMagic) {
    throw kernelError(file, 'The kernel is not compressed with zstd.');
  }
  const sizeBytes = bytes.readUInt32LE(end - 4);
  if (sizeBytes > kernelMaxBytes) {
    throw kernelError(file, `The kernel claims to be larger than ${kernelMaxBytes} bytes.`);
  }
  const result = unzstd(bytes.subarray(start, end - 4), { sizeBytes, hashIsKnown, file });
  if (result.length !== sizeBytes || Buffer.from(result.subarray(0, 4)).toString('latin1') !== '\x7fELF') {
    throw kernelError(file, 'What the kernel unpacks to is not what it says.');
  }
  return result;
}

function unzstd(
  data: Uint8Array,
  { sizeBytes, hashIsKnown, file }: { sizeBytes: number; hashIsKnown: boolean; file: string },
): Uint8Array {
  const native = (zlib as { zstdDecompressSync?: ZstdDecompress }).zstdDecompressSync;
  try {
    if (native !== undefined) {
      return native(data, { maxOutputLength: sizeBytes });
    }
    // Given the memory for the result, fzstd does not copy its window after every block, but it does not say either
    // how much of the memory it has filled.
    return hashIsKnown ? fzstdDecompress(data, new Uint8Array(sizeBytes)) : fzstdDecompress(data);
  } catch (cause) {
    throw kernelError(file, 'The zstd data of the kernel is damaged.', cause);
  }
}

function kernelError(file: string, why: string, cause?: unknown): MachineError {
  return new MachineError('image-invalid', `${file} is not a kernel that can be unpacked.`, {
    why,
    facts: { file },
    ...(cause === undefined ? {} : { cause }),
  });
}
