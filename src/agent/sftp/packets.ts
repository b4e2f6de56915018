import type { RawStat } from '../../host/types.ts';

// Packets of SFTP version 3: draft-ietf-secsh-filexfer-02, and OpenSSH's PROTOCOL file for the extensions.

/** Types of packets. */
export const packetTypes = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attrs: 105,
  extended: 200,
  extendedReply: 201,
} as const;

/** Codes of a status. */
export const statusCodes = {
  ok: 0,
  endOfFile: 1,
  noSuchFile: 2,
  permissionDenied: 3,
  failure: 4,
  badMessage: 5,
  unsupported: 8,
} as const;

/** What is to be changed of a file, or told of a new one; times in seconds since the epoch. */
export interface Attributes {
  readonly sizeBytes?: number;
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Permission bits. */
  readonly mode?: number;
  readonly times?: { readonly accessedS: number; readonly modifiedS: number };
}

const attributeFlags = { size: 1, owner: 2, permissions: 4, times: 8, extended: 0x8000_0000 } as const;
const permissionBits = 0o7777;

/** OpenSSH's limit; what announces more is no SFTP. */
export const packetBytesMax = 256 * 1024;

/** What the other side sent is not SFTP. */
export class PacketError extends Error {}

/** Reads the fields of one packet, one after the other. @throws PacketError when it is too short. */
export class PacketReader {
  readonly #bytes: Buffer;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  byte(): number {
    return this.#bytes.readUInt8(this.#advance(1));
  }

  uint32(): number {
    return this.#bytes.readUInt32BE(this.#advance(4));
  }

  /** Sizes and offsets; no file is as long as the numbers that this cannot hold. */
  uint64(): number {
    const value = this.#bytes.readBigUInt64BE(this.#advance(8));
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new PacketError('a number is too large');
    }
    return Number(value);
  }

  bytes(): Buffer {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  attributes(): Attributes {
    const flags = this.uint32();
    const has = (flag: number): boolean => (flags & flag) !== 0;
    const read = {
      ...(has(attributeFlags.size) ? { sizeBytes: this.uint64() } : {}),
      ...(has(attributeFlags.owner) ? { owner: { uid: this.uint32(), gid: this.uint32() } } : {}),
      ...(has(attributeFlags.permissions) ? { mode: this.uint32() & permissionBits } : {}),
      ...(has(attributeFlags.times) ? { times: { accessedS: this.uint32(), modifiedS: this.uint32() } } : {}),
    };
    const extensions = has(attributeFlags.extended) ? this.uint32() : 0;
    for (let index = 0; index < extensions; index += 1) {
      this.bytes();
      this.bytes();
    }
    return read;
  }

  #advance(length: number): number {
    const start = this.#offset;
    if (start + length > this.#bytes.length) {
      throw new PacketError('a packet is shorter than what it announces');
    }
    this.#offset += length;
    return start;
  }
}

/** One field of a packet. */
export type Field = Uint8Array;

/** A field of four bytes. */
export function uint32(value: number): Field {
  const field = Buffer.alloc(4);
  field.writeUInt32BE(value);
  return field;
}

/** A field of eight bytes. */
export function uint64(value: number): Field {
  const field = Buffer.alloc(8);
  field.writeBigUInt64BE(BigInt(Math.max(0, value)));
  return field;
}

/** A string with its length. */
export function bytesField(value: Uint8Array | string): Field {
  const bytes = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** What lies under a name. Times beyond the format's end are its end. */
export function attributesField(stat: RawStat): Field {
  const { size, owner, permissions, times } = attributeFlags;
  const time = (seconds: number): number => Math.min(Math.max(0, seconds), 0xffff_ffff);
  return Buffer.concat([
    uint32(size | owner | permissions | times),
    uint64(stat.sizeBytes),
    ...[Math.max(0, stat.uid), Math.max(0, stat.gid), stat.mode].map((value) => uint32(value >>> 0)),
    ...[time(stat.accessedS), time(stat.modifiedS)].map(uint32),
  ]);
}

/** A whole packet. */
export function packet(type: number, ...fields: readonly Field[]): Buffer {
  const length = fields.reduce((sum, field) => sum + field.length, 1);
  return Buffer.concat([uint32(length), Uint8Array.of(type), ...fields]);
}

/** Cuts a stream into packets: type and fields, without the length. */
export class PacketSplitter {
  #unread: Buffer = Buffer.alloc(0);

  /** The packets that are complete with this chunk. @throws PacketError. */
  feed(chunk: Uint8Array): Buffer[] {
    this.#unread = this.#unread.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#unread, chunk]);
    const packets = [];
    for (;;) {
      if (this.#unread.length < 4) {
        return packets;
      }
      const length = this.#unread.readUInt32BE(0);
      if (length === 0 || length > packetBytesMax) {
        throw new PacketError(`a packet of ${String(length)} bytes`);
      }
      if (this.#unread.length < 4 + length) {
        return packets;
      }
      packets.push(this.#unread.subarray(4, 4 + length));
      this.#unread = this.#unread.subarray(4 + length);
    }
  }
}
