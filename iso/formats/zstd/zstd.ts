import { writeLiterals } from './literals.ts';
import type { SearchEffort } from './match-finder.ts';
import { Parser } from './parser.ts';
import { RepeatedOffsets } from './repeated-offsets.ts';
import { MATCH_LENGTH_MIN } from './sequence-codes.ts';
import { SequenceList, writeSequences } from './sequences.ts';

/**
 * A Zstandard compressor (RFC 8878) whose output depends on nothing but its input: built-in compressors differ
 * between versions of Node and between processors, and an image has to have the same bytes everywhere.
 */

const MAGIC = 0xfd2fb528;
const BLOCK_BYTES_MAX = 1 << 17;
const BLOCK_RAW = 0;
const BLOCK_RLE = 1;
const BLOCK_COMPRESSED = 2;
const HEADER_BYTES_MAX = 18;
const BLOCK_HEADER_BYTES = 3;

export type { SearchEffort };

/** Frame header of a single segment: the window is the content, whose size is given in 1, 2 or 4 bytes. */
function writeFrameHeader(size: number, target: Uint8Array): number {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const singleSegment = 0x20;
  view.setUint32(0, MAGIC, true);
  if (size < 256) {
    target[4] = singleSegment;
    target[5] = size;
    return 6;
  }
  if (size < 65536 + 256) {
    target[4] = singleSegment | (1 << 6);
    view.setUint16(5, size - 256, true);
    return 7;
  }
  target[4] = singleSegment | (2 << 6);
  view.setUint32(5, size, true);
  return 9;
}

interface BlockHeader {
  readonly type: number;
  readonly size: number;
  readonly last: boolean;
}

function writeBlockHeader(target: Uint8Array, position: number, block: BlockHeader): void {
  const header = (block.last ? 1 : 0) | (block.type << 1) | (block.size << 3);
  target[position] = header & 0xff;
  target[position + 1] = (header >> 8) & 0xff;
  target[position + 2] = header >> 16;
}

/** The bytes of a block that no match covers, one after the other. */
function gatherLiterals(block: Uint8Array, list: SequenceList): Uint8Array {
  const literals = new Uint8Array(block.length);
  let from = 0;
  let count = 0;
  for (let index = 0; index < list.count; index += 1) {
    const length = list.literalLengths[index] ?? 0;
    literals.set(block.subarray(from, from + length), count);
    count += length;
    from += length + (list.matchLengths[index] ?? 0);
  }
  literals.set(block.subarray(from), count);
  return literals.subarray(0, count + block.length - from);
}

/**
 * Compresses `data` into one frame without a checksum. `effort` bounds the search; the window is the whole
 * data, so that a reader needs as much memory: at most 16 MiB are taken.
 */
export function zstdCompress(data: Uint8Array, effort: SearchEffort): Uint8Array {
  if (data.length > 1 << 24) {
    throw new RangeError(`${data.length} bytes are more than one frame takes here`);
  }
  const blockCount = Math.max(1, Math.ceil(data.length / BLOCK_BYTES_MAX));
  // A block never takes more room than its raw form; it is tried at the target first, so there is room for one more.
  const target = new Uint8Array(
    HEADER_BYTES_MAX + data.length + blockCount * BLOCK_HEADER_BYTES + 2 * BLOCK_BYTES_MAX,
  );
  const parser = new Parser(data, effort);
  const before = new RepeatedOffsets();
  let end = writeFrameHeader(data.length, target);
  for (let index = 0; index < blockCount; index += 1) {
    const start = index * BLOCK_BYTES_MAX;
    const block = data.subarray(start, start + BLOCK_BYTES_MAX);
    const list = new SequenceList(Math.ceil(block.length / MATCH_LENGTH_MIN));
    before.copyFrom(parser.offsets);
    parser.parseBlock(start, start + block.length, list);
    const literals = gatherLiterals(block, list);
    parser.prices.learn(list, literals);
    const body = end + BLOCK_HEADER_BYTES;
    const last = index === blockCount - 1;
    if (block.length > 1 && block.every((byte) => byte === block[0])) {
      parser.offsets.copyFrom(before);
      writeBlockHeader(target, end, { type: BLOCK_RLE, size: block.length, last });
      target[body] = block[0] ?? 0;
      end = body + 1;
      continue;
    }
    const compressedEnd = writeSequences(list, target, writeLiterals(literals, target, body));
    if (compressedEnd - body < block.length) {
      writeBlockHeader(target, end, { type: BLOCK_COMPRESSED, size: compressedEnd - body, last });
      end = compressedEnd;
    } else {
      // The reader of a raw block sees no sequences, so that its repeated offsets stay as they were.
      parser.offsets.copyFrom(before);
      writeBlockHeader(target, end, { type: BLOCK_RAW, size: block.length, last });
      target.set(block, body);
      end = body + block.length;
    }
  }
  return target.slice(0, end);
}
