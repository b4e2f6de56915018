/** Test helper: tiny ELF files with just the tables that the image build reads. */

/** What the file should say. */
export interface MadeElf {
  readonly machine?: number;
  readonly interpreter?: string;
  readonly needed?: readonly string[];
}

const headerBytes = 64;
const programBytes = 56;
/** Where the file pretends to be loaded, so that addresses and offsets differ. */
const loadAddress = 0x400000;

/** An ELF64 program or library that needs libraries. */
export function makeElf(options: MadeElf = {}): Buffer {
  const needed = options.needed ?? [];
  const interpreter = Buffer.from(`${options.interpreter ?? ''}\0`);
  const strings = Buffer.from(`\0${needed.map((name) => `${name}\0`).join('')}`);
  const dynamic = Buffer.alloc((needed.length + 2) * 16);
  const interpreterAt = headerBytes + 3 * programBytes;
  const stringsAt = interpreterAt + interpreter.length;
  const dynamicAt = stringsAt + strings.length;
  let nameAt = 1;
  for (const [index, name] of needed.entries()) {
    dynamic.writeBigInt64LE(1n, index * 16);
    dynamic.writeBigUInt64LE(BigInt(nameAt), index * 16 + 8);
    nameAt += Buffer.byteLength(name) + 1;
  }
  dynamic.writeBigInt64LE(5n, needed.length * 16);
  dynamic.writeBigUInt64LE(BigInt(loadAddress + stringsAt), needed.length * 16 + 8);
  const totalBytes = dynamicAt + dynamic.length;
  const programs = [
    program(1, 0, totalBytes),
    program(2, dynamicAt, dynamic.length),
    options.interpreter === undefined ? program(0, 0, 0) : program(3, interpreterAt, interpreter.length),
  ];
  const header = elfHeader(options.machine ?? 62);
  header.writeBigUInt64LE(BigInt(headerBytes), 32);
  header.writeUInt16LE(programBytes, 54);
  header.writeUInt16LE(programs.length, 56);
  return Buffer.concat([header, ...programs, interpreter, strings, dynamic]);
}

function program(type: number, offset: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(programBytes);
  bytes.writeUInt32LE(type, 0);
  bytes.writeBigUInt64LE(BigInt(offset), 8);
  bytes.writeBigUInt64LE(BigInt(loadAddress + offset), 16);
  bytes.writeBigUInt64LE(BigInt(sizeBytes), 32);
  return bytes;
}

function elfHeader(machine: number): Buffer {
  const header = Buffer.alloc(headerBytes);
  Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]).copy(header);
  header.writeUInt16LE(machine, 18);
  return header;
}

/** A kernel module: an ELF object whose section `.modinfo` has these texts. */
export function makeModule(fields: readonly string[], machine = 62): Buffer {
  const info = Buffer.from(fields.map((field) => `${field}\0`).join(''));
  const names = Buffer.from('\0.shstrtab\0.modinfo\0');
  const header = elfHeader(machine);
  const namesAt = headerBytes;
  const infoAt = namesAt + names.length;
  header.writeBigUInt64LE(BigInt(infoAt + info.length), 40);
  header.writeUInt16LE(64, 58);
  header.writeUInt16LE(3, 60);
  header.writeUInt16LE(1, 62);
  return Buffer.concat([
    header,
    names,
    info,
    section(0, 0, 0),
    section(1, namesAt, names.length),
    section(11, infoAt, info.length),
  ]);
}

function section(name: number, offset: number, sizeBytes: number): Buffer {
  const bytes = Buffer.alloc(64);
  bytes.writeUInt32LE(name, 0);
  bytes.writeBigUInt64LE(BigInt(offset), 24);
  bytes.writeBigUInt64LE(BigInt(sizeBytes), 32);
  return bytes;
}
