import { highBit } from './bit-writer.ts';

/** Codes of literal lengths, match lengths and offsets (RFC 8878 section 3.1.1.3.2.1). */

/** Number of extra bits after each literal length code. */
export const literalLengthBits = Uint8Array.of(
  ...[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);

/** Number of extra bits after each match length code. */
export const matchLengthBits = Uint8Array.of(
  ...new Uint8Array(32),
  ...[1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16],
);

export const MATCH_LENGTH_MIN = 3;

function baselines(extraBits: Uint8Array, first: number): Int32Array {
  const result = new Int32Array(extraBits.length);
  let next = first;
  extraBits.forEach((bits, code) => {
    result[code] = next;
    next += 1 << bits;
  });
  return result;
}

/** The smallest literal length of each code. */
export const literalLengthBase = baselines(literalLengthBits, 0);
/** The smallest match length of each code. */
export const matchLengthBase = baselines(matchLengthBits, MATCH_LENGTH_MIN);

function codeTable(base: Int32Array, first: number, length: number): Uint8Array {
  const table = new Uint8Array(length);
  let code = 0;
  for (let value = first; value < first + length; value += 1) {
    while (code + 1 < base.length && (base[code + 1] ?? 0) <= value) {
      code += 1;
    }
    table[value - first] = code;
  }
  return table;
}

const smallLiteralLengths = codeTable(literalLengthBase, 0, 64);
const smallMatchLengths = codeTable(matchLengthBase, MATCH_LENGTH_MIN, 128);

/** Code of a literal length; from 64 on each code covers one power of two. */
export function literalLengthCode(length: number): number {
  return length < 64 ? (smallLiteralLengths[length] ?? 0) : highBit(length) + 19;
}

/** Code of a match length, at least 3. */
export function matchLengthCode(length: number): number {
  const value = length - MATCH_LENGTH_MIN;
  return value < 128 ? (smallMatchLengths[value] ?? 0) : highBit(value) + 36;
}

/** Distributions that hold when a block brings none (section 3.1.1.3.2.2). */
export const defaultDistributions = {
  literalLength: [
    ...[4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1],
    ...[-1, -1, -1, -1],
  ],
  matchLength: [
    ...[1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ...[1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1],
  ],
  offset: [1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1],
} as const;
