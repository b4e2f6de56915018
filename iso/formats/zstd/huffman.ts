import { BitWriter } from './bit-writer.ts';
import {
  buildTable,
  chooseTableLog,
  encodeSymbol,
  firstState,
  normalize,
  writeDistribution,
  writeState,
} from './fse.ts';

/** Huffman coding of literals (RFC 8878 section 4.2), the encoder's side. */

const CODE_BITS_MAX = 11;
const WEIGHT_TABLE_LOG_MAX = 6;
const DIRECT_WEIGHTS_MAX = 128;

export interface HuffmanCode {
  readonly codes: Uint16Array;
  readonly lengths: Uint8Array;
}

interface Package {
  readonly weight: number;
  readonly symbols: readonly number[];
}

/** Code lengths of at most CODE_BITS_MAX bits with the least total, by the package-merge algorithm. */
function codeLengths(counts: readonly number[]): Uint8Array {
  const leaves: Package[] = counts
    .map((weight, symbol) => ({ weight, symbols: [symbol] }))
    .filter((leaf) => leaf.weight > 0)
    .sort((a, b) => a.weight - b.weight || (a.symbols[0] ?? 0) - (b.symbols[0] ?? 0));
  let level: Package[] = leaves;
  for (let bits = 1; bits < CODE_BITS_MAX; bits += 1) {
    const packages: Package[] = [];
    for (let i = 0; i + 1 < level.length; i += 2) {
      const [left, right] = [level[i] as Package, level[i + 1] as Package];
      packages.push({ weight: left.weight + right.weight, symbols: [...left.symbols, ...right.symbols] });
    }
    // A stable order, leaves first, keeps the result the same everywhere.
    level = [...leaves, ...packages].sort((a, b) => a.weight - b.weight);
  }
  const lengths = new Uint8Array(counts.length);
  for (const chosen of level.slice(0, 2 * leaves.length - 2)) {
    for (const symbol of chosen.symbols) {
      lengths[symbol] = (lengths[symbol] ?? 0) + 1;
    }
  }
  return lengths;
}

/** The code of these counts, of which at least two are not zero. */
export function buildHuffman(counts: readonly number[]): HuffmanCode {
  const lengths = codeLengths(counts);
  const codes = new Uint16Array(counts.length);
  let code = 0;
  // The longest codes are numbered first, symbols of one length in their natural order.
  for (let length = Math.max(...lengths); length > 0; length -= 1) {
    for (let symbol = 0; symbol < lengths.length; symbol += 1) {
      if (lengths[symbol] === length) {
        codes[symbol] = code;
        code += 1;
      }
    }
    code >>= 1;
  }
  return { codes, lengths };
}

function writeDirectWeights(weights: readonly number[], target: Uint8Array, position: number): number {
  target[position] = 127 + weights.length;
  for (let i = 0; i < weights.length; i += 2) {
    target[position + 1 + i / 2] = ((weights[i] ?? 0) << 4) | (weights[i + 1] ?? 0);
  }
  return position + 1 + Math.ceil(weights.length / 2);
}

/** Weights coded with two alternating FSE states; undefined when that is not possible. */
function writeFseWeights(
  weights: readonly number[],
  target: Uint8Array,
  position: number,
): number | undefined {
  const counts = new Array<number>(CODE_BITS_MAX + 1).fill(0);
  for (const weight of weights) {
    counts[weight] = (counts[weight] ?? 0) + 1;
  }
  const distinct = counts.filter((count) => count > 0).length;
  if (distinct < 2 || weights.length < 3) {
    return undefined;
  }
  const tableLog = chooseTableLog(weights.length, distinct, WEIGHT_TABLE_LOG_MAX);
  const table = buildTable(normalize(counts, tableLog), tableLog);
  const bits = new BitWriter(target, writeDistribution(table, target, position + 1));
  // Weights at even places belong to the first state, odd ones to the second; written from the last on.
  const last = weights.length - 1;
  const states = [0, 0];
  for (let i = last; i >= 0; i -= 1) {
    const weight = weights[i] ?? 0;
    const which = i % 2;
    states[which] =
      i >= last - 1 ? firstState(table, weight) : encodeSymbol(table, bits, states[which] ?? 0, weight);
  }
  writeState(table, bits, states[1] ?? 0);
  writeState(table, bits, states[0] ?? 0);
  const end = bits.finish();
  const sizeBytes = end - position - 1;
  if (sizeBytes >= 128) {
    return undefined;
  }
  target[position] = sizeBytes;
  return end;
}

/**
 * Writes the description of a code at `position` and returns the position behind it; undefined when neither
 * form can express it (more than 128 symbols of one length).
 */
export function writeHuffmanTree(
  code: HuffmanCode,
  target: Uint8Array,
  position: number,
): number | undefined {
  const longest = Math.max(...code.lengths);
  const last = code.lengths.findLastIndex((length) => length > 0);
  // The last symbol's weight is left out: it follows from the others.
  const weights = [...code.lengths.subarray(0, last)].map((length) =>
    length === 0 ? 0 : longest + 1 - length,
  );
  const fseEnd = writeFseWeights(weights, target, position);
  const directBytes = 1 + Math.ceil(weights.length / 2);
  if (weights.length <= DIRECT_WEIGHTS_MAX && (fseEnd === undefined || fseEnd - position > directBytes)) {
    return writeDirectWeights(weights, target, position);
  }
  return fseEnd;
}

/** Writes one stream of symbols `from` to `to` (exclusive); returns the position behind it. */
export function writeHuffmanStream(
  code: HuffmanCode,
  symbols: Uint8Array,
  target: Uint8Array,
  position: number,
): number {
  const bits = new BitWriter(target, position);
  for (let i = symbols.length - 1; i >= 0; i -= 1) {
    const symbol = symbols[i] ?? 0;
    bits.add(code.codes[symbol] ?? 0, code.lengths[symbol] ?? 0);
  }
  return bits.finish();
}
