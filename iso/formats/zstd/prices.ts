import { literalLengthBits, literalLengthCode, matchLengthBits, matchLengthCode } from './sequence-codes.ts';
import { highBit } from './bit-writer.ts';
import { log2 } from './log2.ts';
import type { SequenceList } from './sequences.ts';

/**
 * Estimated costs of literals and sequences, by which the parser chooses. They follow what was coded so far:
 * the entropy coder adapts to each block, and neighbouring blocks resemble each other.
 */

/** Costs are integers in this many parts of a bit, so that sums are exact and the same everywhere. */
const PARTS_PER_BIT = 256;
const LITERAL_LENGTHS = 36;
const MATCH_LENGTHS = 53;
const OFFSETS = 32;
const LENGTH_TABLE = 512;

function toPrices(frequencies: Float64Array, prices: Int32Array, extraBits: (code: number) => number): void {
  const total = frequencies.reduce((sum, frequency) => sum + frequency, 0);
  for (let code = 0; code < frequencies.length; code += 1) {
    const bits = log2(total / (frequencies[code] ?? 1));
    prices[code] = Math.round(PARTS_PER_BIT * (bits + extraBits(code)));
  }
}

export class Prices {
  readonly literals = new Int32Array(256);
  readonly offsets = new Int32Array(OFFSETS);
  /** By literal length; longer ones cost about the same as the last. */
  readonly literalLengths = new Int32Array(LENGTH_TABLE);
  /** By match length. */
  readonly matchLengths = new Int32Array(LENGTH_TABLE);
  readonly #literalFrequencies = new Float64Array(256).fill(1);
  readonly #literalLengthFrequencies = new Float64Array(LITERAL_LENGTHS).fill(1);
  readonly #matchLengthFrequencies = new Float64Array(MATCH_LENGTHS).fill(1);
  readonly #offsetFrequencies = new Float64Array(OFFSETS).fill(1);

  /** Starts from the literals of the data itself and a mild preference for short lengths. */
  constructor(data: Uint8Array) {
    for (const byte of data) {
      this.#literalFrequencies[byte] = (this.#literalFrequencies[byte] ?? 0) + 1;
    }
    for (let code = 0; code < 8; code += 1) {
      this.#literalLengthFrequencies[code] = 8 - code;
      this.#matchLengthFrequencies[code] = 6;
    }
    this.#refresh();
  }

  /** Takes over what a block was coded with; older blocks fade. */
  learn(list: SequenceList, literals: Uint8Array): void {
    for (const table of [
      this.#literalFrequencies,
      this.#literalLengthFrequencies,
      this.#matchLengthFrequencies,
      this.#offsetFrequencies,
    ]) {
      for (let code = 0; code < table.length; code += 1) {
        table[code] = Math.max(1, Math.floor((table[code] ?? 0) / 8));
      }
    }
    const count = (table: Float64Array, code: number): void => {
      table[code] = (table[code] ?? 0) + 1;
    };
    for (const byte of literals) {
      count(this.#literalFrequencies, byte);
    }
    for (let index = 0; index < list.count; index += 1) {
      count(this.#literalLengthFrequencies, literalLengthCode(list.literalLengths[index] ?? 0));
      count(this.#matchLengthFrequencies, matchLengthCode(list.matchLengths[index] ?? 3));
      count(this.#offsetFrequencies, highBit(list.offsetValues[index] ?? 1));
    }
    this.#refresh();
  }

  #refresh(): void {
    const literalLengthCodes = new Int32Array(LITERAL_LENGTHS);
    const matchLengthCodes = new Int32Array(MATCH_LENGTHS);
    toPrices(this.#literalFrequencies, this.literals, () => 0);
    toPrices(this.#offsetFrequencies, this.offsets, (code) => code);
    toPrices(this.#literalLengthFrequencies, literalLengthCodes, (code) => literalLengthBits[code] ?? 0);
    toPrices(this.#matchLengthFrequencies, matchLengthCodes, (code) => matchLengthBits[code] ?? 0);
    for (let length = 0; length < LENGTH_TABLE; length += 1) {
      this.literalLengths[length] = literalLengthCodes[literalLengthCode(length)] ?? 0;
      this.matchLengths[length] = matchLengthCodes[matchLengthCode(Math.max(3, length))] ?? 0;
    }
  }
}

/** Lengths from here on are priced like this one. */
export const PRICED_LENGTH_MAX = LENGTH_TABLE - 1;
