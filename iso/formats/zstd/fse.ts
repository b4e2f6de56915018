import { BitWriter, highBit } from './bit-writer.ts';
import { log2 } from './log2.ts';

/**
 * Finite State Entropy coding (RFC 8878 section 4.1), the encoder's side. A distribution gives each symbol its
 * number of states out of 2^tableLog; -1 stands for "less than one", which gets one state at the table's end.
 */

export interface FseTable {
  readonly tableLog: number;
  readonly distribution: readonly number[];
  readonly nextState: Uint16Array;
  readonly deltaBits: Int32Array;
  readonly deltaState: Int32Array;
}

/** Smallest table that a description can carry. */
const TABLE_LOG_MIN = 5;

/** A sensible table size for `total` symbols: more precision than symbols is wasted. */
export function chooseTableLog(total: number, distinct: number, tableLogMax: number): number {
  const bySource = highBit(Math.max(2, total - 1)) - 2;
  const bySymbols = highBit(Math.max(1, distinct)) + 2;
  return Math.min(tableLogMax, Math.max(TABLE_LOG_MIN, bySymbols, Math.min(bySource, tableLogMax)));
}

/**
 * Distributes 2^tableLog states in proportion to the counts; every symbol that occurs gets at least one.
 * There must be two symbols at least, and not more than states.
 */
export function normalize(counts: readonly number[], tableLog: number): number[] {
  const size = 1 << tableLog;
  const total = counts.reduce((sum, count) => sum + count, 0);
  const shares = counts.map((count) => (count * size) / total);
  const result = shares.map((share, symbol) => (counts[symbol] === 0 ? 0 : Math.max(1, Math.round(share))));
  let excess = result.reduce((sum, states) => sum + states, 0) - size;
  while (excess !== 0) {
    const step = excess > 0 ? -1 : 1;
    let best = -1;
    let bestLoss = Number.POSITIVE_INFINITY;
    for (let symbol = 0; symbol < result.length; symbol += 1) {
      const states = result[symbol] ?? 0;
      if (states === 0 || states + step < 1) {
        continue;
      }
      // What this change costs in bits over all occurrences; the cheapest one is made.
      const loss = (counts[symbol] ?? 0) * log2(states / (states + step));
      if (loss < bestLoss) {
        best = symbol;
        bestLoss = loss;
      }
    }
    result[best] = (result[best] ?? 0) + step;
    excess += step;
  }
  return result;
}

function spreadSymbols(distribution: readonly number[], size: number): Uint16Array {
  const symbols = new Uint16Array(size);
  let top = size - 1;
  distribution.forEach((states, symbol) => {
    if (states === -1) {
      symbols[top] = symbol;
      top -= 1;
    }
  });
  const step = (size >> 1) + (size >> 3) + 3;
  let position = 0;
  distribution.forEach((states, symbol) => {
    for (let i = 0; i < states; i += 1) {
      symbols[position] = symbol;
      do {
        position = (position + step) & (size - 1);
      } while (position > top);
    }
  });
  return symbols;
}

/** Builds the encoder's table of a distribution. */
export function buildTable(distribution: readonly number[], tableLog: number): FseTable {
  const size = 1 << tableLog;
  const starts: number[] = [];
  let total = 0;
  const deltaBits = new Int32Array(distribution.length);
  const deltaState = new Int32Array(distribution.length);
  distribution.forEach((signedStates, symbol) => {
    const states = Math.abs(signedStates);
    starts.push(total);
    if (states === 1) {
      deltaBits[symbol] = (tableLog << 16) - size;
      deltaState[symbol] = total - 1;
    } else if (states > 1) {
      const bitsOut = tableLog - highBit(states - 1);
      deltaBits[symbol] = (bitsOut << 16) - (states << bitsOut);
      deltaState[symbol] = total - states;
    }
    total += states;
  });
  const nextState = new Uint16Array(size);
  spreadSymbols(distribution, size).forEach((symbol, index) => {
    const at = starts[symbol] ?? 0;
    nextState[at] = size + index;
    starts[symbol] = at + 1;
  });
  return { tableLog, distribution, nextState, deltaBits, deltaState };
}

/** Writes the description of a table at `position`; returns the position behind it. */
export function writeDistribution(table: FseTable, target: Uint8Array, position: number): number {
  const { distribution, tableLog } = table;
  const bits = new BitWriter(target, position);
  bits.add(tableLog - TABLE_LOG_MIN, 4);
  let remaining = (1 << tableLog) + 1;
  let threshold = 1 << tableLog;
  let bitCount = tableLog + 1;
  let symbol = 0;
  let previousIsZero = false;
  while (remaining > 1) {
    if (previousIsZero) {
      let zeros = 0;
      while (distribution[symbol] === 0) {
        zeros += 1;
        symbol += 1;
      }
      for (; zeros >= 3; zeros -= 3) {
        bits.add(3, 2);
      }
      bits.add(zeros, 2);
    }
    const states = distribution[symbol] ?? 0;
    symbol += 1;
    const shorter = 2 * threshold - 1 - remaining;
    remaining -= Math.abs(states);
    const value = states + 1 >= threshold ? states + 1 + shorter : states + 1;
    bits.add(value, value < shorter ? bitCount - 1 : bitCount);
    previousIsZero = states === 0;
    while (remaining < threshold) {
      bitCount -= 1;
      threshold >>= 1;
    }
  }
  return bits.flush();
}

/** First state for the symbol that the reader decodes last. */
export function firstState(table: FseTable, symbol: number): number {
  const deltaBits = table.deltaBits[symbol] ?? 0;
  const bitsOut = (deltaBits + (1 << 15)) >> 16;
  const value = (bitsOut << 16) - deltaBits;
  return table.nextState[(value >> bitsOut) + (table.deltaState[symbol] ?? 0)] ?? 0;
}

/** Writes the bits that lead from the state of `symbol` to `state`, and returns the state of `symbol`. */
export function encodeSymbol(table: FseTable, bits: BitWriter, state: number, symbol: number): number {
  const bitsOut = (state + (table.deltaBits[symbol] ?? 0)) >> 16;
  bits.add(state & ((1 << bitsOut) - 1), bitsOut);
  return table.nextState[(state >> bitsOut) + (table.deltaState[symbol] ?? 0)] ?? 0;
}

/** Writes the state with which the reader begins. */
export function writeState(table: FseTable, bits: BitWriter, state: number): void {
  bits.add(state & ((1 << table.tableLog) - 1), table.tableLog);
}

/** Bits that these counts would take with this table; infinite when a symbol has no state. */
export function costInBits(counts: readonly number[], table: FseTable): number {
  let bits = 0;
  counts.forEach((count, symbol) => {
    if (count > 0) {
      const states = Math.abs(table.distribution[symbol] ?? 0);
      bits += states === 0 ? Number.POSITIVE_INFINITY : count * (table.tableLog - log2(states));
    }
  });
  return bits;
}
