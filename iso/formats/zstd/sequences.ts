import { BitWriter, highBit } from './bit-writer.ts';
import {
  buildTable,
  chooseTableLog,
  costInBits,
  encodeSymbol,
  firstState,
  normalize,
  writeDistribution,
  writeState,
} from './fse.ts';
import type { FseTable } from './fse.ts';
import {
  defaultDistributions,
  literalLengthBase,
  literalLengthBits,
  literalLengthCode,
  matchLengthBase,
  matchLengthBits,
  matchLengthCode,
} from './sequence-codes.ts';

/** The sequences section of a compressed block (RFC 8878 section 3.1.1.3.2). */

const MODE_PREDEFINED = 0;
const MODE_RLE = 1;
const MODE_COMPRESSED = 2;

/** Sequences of one block, in order. Literals after the last one are not mentioned here. */
export class SequenceList {
  readonly literalLengths: Int32Array;
  readonly matchLengths: Int32Array;
  /** The offset value as it is coded: 1 to 3 for the repeated offsets, else the distance + 3. */
  readonly offsetValues: Int32Array;
  count = 0;

  constructor(capacity: number) {
    this.literalLengths = new Int32Array(capacity);
    this.matchLengths = new Int32Array(capacity);
    this.offsetValues = new Int32Array(capacity);
  }

  add(literalLength: number, matchLength: number, offsetValue: number): void {
    this.literalLengths[this.count] = literalLength;
    this.matchLengths[this.count] = matchLength;
    this.offsetValues[this.count] = offsetValue;
    this.count += 1;
  }
}

interface FieldKind {
  readonly defaultTable: FseTable;
  readonly tableLogMax: number;
}

const literalLengthKind: FieldKind = {
  defaultTable: buildTable(defaultDistributions.literalLength, 6),
  tableLogMax: 9,
};
const matchLengthKind: FieldKind = {
  defaultTable: buildTable(defaultDistributions.matchLength, 6),
  tableLogMax: 9,
};
const offsetKind: FieldKind = { defaultTable: buildTable(defaultDistributions.offset, 5), tableLogMax: 8 };

/** How one of the three fields of all sequences is coded. */
interface CodedField {
  readonly mode: number;
  /** Undefined in mode RLE, where nothing is coded per sequence. */
  readonly table: FseTable | undefined;
  readonly codes: Uint8Array;
}

function chooseCoding(codes: Uint8Array, kind: FieldKind): CodedField {
  const counts: number[] = [];
  for (const code of codes) {
    while (counts.length <= code) {
      counts.push(0);
    }
    counts[code] = (counts[code] ?? 0) + 1;
  }
  const distinct = counts.filter((count) => count > 0).length;
  const defaultCost = costInBits(counts, kind.defaultTable);
  if (distinct === 1) {
    const cheap = defaultCost <= 8;
    return { mode: cheap ? MODE_PREDEFINED : MODE_RLE, table: cheap ? kind.defaultTable : undefined, codes };
  }
  const tableLog = chooseTableLog(codes.length, distinct, kind.tableLogMax);
  const table = buildTable(normalize(counts, tableLog), tableLog);
  const descriptionBytes = writeDistribution(table, new Uint8Array(256), 0);
  const ownCost = costInBits(counts, table) + descriptionBytes * 8;
  return ownCost < defaultCost
    ? { mode: MODE_COMPRESSED, table, codes }
    : { mode: MODE_PREDEFINED, table: kind.defaultTable, codes };
}

function writeCount(count: number, target: Uint8Array, position: number): number {
  if (count < 128) {
    target[position] = count;
    return position + 1;
  }
  if (count < 0x7f00) {
    target[position] = (count >> 8) + 128;
    target[position + 1] = count & 0xff;
    return position + 2;
  }
  target[position] = 255;
  target[position + 1] = (count - 0x7f00) & 0xff;
  target[position + 2] = (count - 0x7f00) >> 8;
  return position + 3;
}

function writeFieldHeader(field: CodedField, target: Uint8Array, position: number): number {
  if (field.mode === MODE_RLE) {
    target[position] = field.codes[0] ?? 0;
    return position + 1;
  }
  return field.mode === MODE_COMPRESSED && field.table !== undefined
    ? writeDistribution(field.table, target, position)
    : position;
}

interface Fields {
  readonly literalLength: CodedField;
  readonly offset: CodedField;
  readonly matchLength: CodedField;
}

/** The bit stream, written from the last sequence to the first because it is read backwards. */
function writeStream(list: SequenceList, fields: Fields, target: Uint8Array, position: number): number {
  const bits = new BitWriter(target, position);
  const { literalLength, offset, matchLength } = fields;
  const last = list.count - 1;
  const start = (field: CodedField): number =>
    field.table === undefined ? 0 : firstState(field.table, field.codes[last] ?? 0);
  const next = (field: CodedField, state: number, index: number): number =>
    field.table === undefined ? 0 : encodeSymbol(field.table, bits, state, field.codes[index] ?? 0);
  let matchState = start(matchLength);
  let offsetState = start(offset);
  let literalState = start(literalLength);
  for (let index = last; index >= 0; index -= 1) {
    if (index < last) {
      offsetState = next(offset, offsetState, index);
      matchState = next(matchLength, matchState, index);
      literalState = next(literalLength, literalState, index);
    }
    const literalCode = literalLength.codes[index] ?? 0;
    const matchCode = matchLength.codes[index] ?? 0;
    const offsetCode = offset.codes[index] ?? 0;
    bits.add(
      (list.literalLengths[index] ?? 0) - (literalLengthBase[literalCode] ?? 0),
      literalLengthBits[literalCode] ?? 0,
    );
    bits.add(
      (list.matchLengths[index] ?? 0) - (matchLengthBase[matchCode] ?? 0),
      matchLengthBits[matchCode] ?? 0,
    );
    bits.add((list.offsetValues[index] ?? 0) - (1 << offsetCode), offsetCode);
  }
  for (const [field, state] of [
    [matchLength, matchState],
    [offset, offsetState],
    [literalLength, literalState],
  ] as const) {
    if (field.table !== undefined) {
      writeState(field.table, bits, state);
    }
  }
  return bits.finish();
}

/** Writes the sequences of a block at `position`; returns the position behind them. */
export function writeSequences(list: SequenceList, target: Uint8Array, position: number): number {
  const { count } = list;
  let end = writeCount(count, target, position);
  if (count === 0) {
    return end;
  }
  const codesOf = (values: Int32Array, code: (value: number) => number): Uint8Array =>
    Uint8Array.from(values.subarray(0, count), code);
  const fields: Fields = {
    literalLength: chooseCoding(codesOf(list.literalLengths, literalLengthCode), literalLengthKind),
    offset: chooseCoding(codesOf(list.offsetValues, highBit), offsetKind),
    matchLength: chooseCoding(codesOf(list.matchLengths, matchLengthCode), matchLengthKind),
  };
  target[end] = (fields.literalLength.mode << 6) | (fields.offset.mode << 4) | (fields.matchLength.mode << 2);
  end += 1;
  for (const field of [fields.literalLength, fields.offset, fields.matchLength]) {
    end = writeFieldHeader(field, target, end);
  }
  return writeStream(list, fields, target, end);
}
