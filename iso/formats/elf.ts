import { inputError } from './input-error.ts';

/** What the image build needs to know of an ELF file. */
export interface ElfFile {
  /** `e_machine`: 62 is x86-64, 183 is AArch64. */
  readonly machine: number;
  /** The program's loader, if it has one (PT_INTERP). */
  readonly interpreter: string | undefined;
  /** The libraries that it needs (DT_NEEDED), in its order. */
  readonly needed: readonly string[];
}

const headerBytes = 64;
const programLoad = 1;
const programDynamic = 2;
const programInterpreter = 3;
const dynamicNeeded = 1n;
const dynamicStringTable = 5n;

interface Segment {
  readonly type: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileBytes: number;
}

/** True when the bytes begin like a 64-bit little-endian ELF file. */
export function isElf(data: Uint8Array): boolean {
  return (
    data.length >= headerBytes &&
    data[0] === 0x7f &&
    data[1] === 0x45 &&
    data[2] === 0x4c &&
    data[3] === 0x46 &&
    data[4] === 2 &&
    data[5] === 1
  );
}

/**
 * Reads the loader and the needed libraries of an ELF64 file (elf(5)). Throws `image-build-failed`, with
 * `file` as the name, when its tables lead outside of it.
 */
export function readElf(data: Uint8Array, file: string): ElfFile {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  try {
    const segments = segmentsOf(bytes);
    const interpreter = segments.find((segment) => segment.type === programInterpreter);
    return {
      machine: bytes.readUInt16LE(18),
      interpreter: interpreter === undefined ? undefined : stringAt(bytes, interpreter.offset),
      needed: neededOf(bytes, segments),
    };
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw inputError(file, 'Its ELF tables are damaged.', cause);
    }
    throw cause;
  }
}

function segmentsOf(bytes: Buffer): Segment[] {
  const tableOffset = Number(bytes.readBigUInt64LE(32));
  const entryBytes = bytes.readUInt16LE(54);
  const count = bytes.readUInt16LE(56);
  return Array.from({ length: count }, (_, index) => {
    const at = tableOffset + index * entryBytes;
    return {
      type: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 8)),
      address: bytes.readBigUInt64LE(at + 16),
      fileBytes: Number(bytes.readBigUInt64LE(at + 32)),
    };
  });
}

function neededOf(bytes: Buffer, segments: readonly Segment[]): string[] {
  const dynamic = segments.find((segment) => segment.type === programDynamic);
  if (dynamic === undefined) {
    return [];
  }
  const offsets: number[] = [];
  let tableAddress: bigint | undefined;
  for (let at = dynamic.offset; at + 16 <= dynamic.offset + dynamic.fileBytes; at += 16) {
    const tag = bytes.readBigInt64LE(at);
    const value = bytes.readBigUInt64LE(at + 8);
    if (tag === 0n) {
      break;
    }
    if (tag === dynamicNeeded) {
      offsets.push(Number(value));
    } else if (tag === dynamicStringTable) {
      tableAddress = value;
    }
  }
  if (offsets.length === 0) {
    return [];
  }
  const table = fileOffset(segments, tableAddress);
  return offsets.map((offset) => stringAt(bytes, table + offset));
}

/** The string table is named by its address in memory; the loaded segments say where that is in the file. */
function fileOffset(segments: readonly Segment[], address: bigint | undefined): number {
  const load = segments.find(
    (segment) =>
      segment.type === programLoad &&
      address !== undefined &&
      address >= segment.address &&
      address < segment.address + BigInt(segment.fileBytes),
  );
  if (load === undefined || address === undefined) {
    throw new RangeError('no loaded segment holds the string table');
  }
  return load.offset + Number(address - load.address);
}

function stringAt(bytes: Buffer, offset: number): string {
  const end = bytes.indexOf(0, offset);
  if (offset < 0 || offset >= bytes.length || end < 0) {
    throw new RangeError('a string lies outside of the file');
  }
  return bytes.toString('utf8', offset, end);
}

/** The content of a named section, or undefined when there is none. Same errors as `readElf`. */
export function elfSection(data: Uint8Array, name: string, file: string): Buffer | undefined {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  try {
    const tableOffset = Number(bytes.readBigUInt64LE(40));
    const entryBytes = bytes.readUInt16LE(58);
    const count = bytes.readUInt16LE(60);
    const section = (index: number): { name: number; offset: number; size: number } => {
      const at = tableOffset + index * entryBytes;
      return {
        name: bytes.readUInt32LE(at),
        offset: Number(bytes.readBigUInt64LE(at + 24)),
        size: Number(bytes.readBigUInt64LE(at + 32)),
      };
    };
    const names = section(bytes.readUInt16LE(62)).offset;
    for (let index = 0; index < count; index += 1) {
      const { name: nameOffset, offset, size } = section(index);
      if (stringAt(bytes, names + nameOffset) === name) {
        if (offset + size > bytes.length) {
          throw new RangeError('a section ends outside of the file');
        }
        return bytes.subarray(offset, offset + size);
      }
    }
    return undefined;
  } catch (cause) {
    if (cause instanceof RangeError) {
      throw inputError(file, 'Its ELF section table is damaged.', cause);
    }
    throw cause;
  }
}
