import { buildHuffman, writeHuffmanStream, writeHuffmanTree } from './huffman.ts';

/** The literals section of a compressed block (RFC 8878 section 3.1.1.3.1). */

const TYPE_RAW = 0;
const TYPE_RLE = 1;
const TYPE_COMPRESSED = 2;
/** Below this the description of a Huffman code costs more than it saves. */
const HUFFMAN_BYTES_MIN = 64;
const ONE_STREAM_BYTES_MAX = 1023;
const JUMP_TABLE_BYTES = 6;

function writePlainHeader(type: number, size: number, target: Uint8Array, position: number): number {
  if (size < 32) {
    target[position] = type | (size << 3);
    return position + 1;
  }
  if (size < 4096) {
    const header = type | (1 << 2) | (size << 4);
    target[position] = header & 0xff;
    target[position + 1] = header >> 8;
    return position + 2;
  }
  const header = type | (3 << 2) | (size << 4);
  target[position] = header & 0xff;
  target[position + 1] = (header >> 8) & 0xff;
  target[position + 2] = header >> 16;
  return position + 3;
}

interface CompressedSizes {
  readonly regenerated: number;
  readonly compressed: number;
  readonly sizeFormat: number;
}

/** Both sizes take 10, 14 or 18 bits; together with type and format they fill 3, 4 or 5 bytes. */
function writeCompressedHeader(sizes: CompressedSizes, target: Uint8Array, position: number): void {
  const sizeBits = [10, 10, 14, 18][sizes.sizeFormat] ?? 18;
  const headerBytes = [3, 3, 4, 5][sizes.sizeFormat] ?? 5;
  // 40 bits do not fit JavaScript's bit operations; multiplication is exact here.
  let value = TYPE_COMPRESSED + sizes.sizeFormat * 4 + sizes.regenerated * 16;
  value += sizes.compressed * 2 ** (4 + sizeBits);
  for (let i = 0; i < headerBytes; i += 1) {
    target[position + i] = value % 256;
    value = Math.floor(value / 256);
  }
}

/** Position behind the Huffman form, or undefined when it is not smaller than the plain one. */
function writeHuffman(
  literals: Uint8Array,
  counts: readonly number[],
  target: Uint8Array,
  position: number,
): number | undefined {
  const single = literals.length <= ONE_STREAM_BYTES_MAX;
  const sizeFormat = single ? 0 : literals.length < 16384 ? 2 : 3;
  const headerBytes = [3, 3, 4, 5][sizeFormat] ?? 5;
  const code = buildHuffman(counts);
  const bits = counts.reduce((sum, count, symbol) => sum + count * (code.lengths[symbol] ?? 0), 0);
  if (bits / 8 + headerBytes + 16 >= literals.length) {
    return undefined;
  }
  const treeEnd = writeHuffmanTree(code, target, position + headerBytes);
  if (treeEnd === undefined) {
    return undefined;
  }
  let end = treeEnd;
  if (single) {
    end = writeHuffmanStream(code, literals, target, end);
  } else {
    const jumpTable = end;
    end += JUMP_TABLE_BYTES;
    const quarter = Math.ceil(literals.length / 4);
    for (let i = 0; i < 4; i += 1) {
      const begin = end;
      end = writeHuffmanStream(code, literals.subarray(i * quarter, (i + 1) * quarter), target, begin);
      if (i < 3) {
        target[jumpTable + i * 2] = (end - begin) & 0xff;
        target[jumpTable + i * 2 + 1] = (end - begin) >> 8;
      }
    }
  }
  const compressed = end - position - headerBytes;
  if (compressed >= literals.length) {
    return undefined;
  }
  writeCompressedHeader({ regenerated: literals.length, compressed, sizeFormat }, target, position);
  return end;
}

/** Writes the literals of a block at `position` in their smallest form; returns the position behind them. */
export function writeLiterals(literals: Uint8Array, target: Uint8Array, position: number): number {
  const counts = new Array<number>(256).fill(0);
  for (const symbol of literals) {
    counts[symbol] = (counts[symbol] ?? 0) + 1;
  }
  const most = Math.max(...counts);
  if (most === literals.length && literals.length > 1) {
    const end = writePlainHeader(TYPE_RLE, literals.length, target, position);
    target[end] = literals[0] ?? 0;
    return end + 1;
  }
  if (literals.length >= HUFFMAN_BYTES_MIN) {
    const end = writeHuffman(literals, counts, target, position);
    if (end !== undefined) {
      return end;
    }
  }
  const start = writePlainHeader(TYPE_RAW, literals.length, target, position);
  target.set(literals, start);
  return start + literals.length;
}
