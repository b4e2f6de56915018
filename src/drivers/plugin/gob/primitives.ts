import { GobError } from './types.ts';

// The variable-length forms of numbers: "Encoding Details" in the documentation of encoding/gob.

const INT64_MIN = -(2n ** 63n);
const UINT64_MAX = 2n ** 64n - 1n;

/** Collects bytes. */
export interface ByteWriter {
  uint(value: number | bigint): void;
  int(value: number | bigint): void;
  float(value: number): void;
  /** Length and bytes. */
  bytes(value: Uint8Array): void;
  text(value: string): void;
  /** Bytes as they are. */
  raw(value: Uint8Array): void;
  result(): Uint8Array;
}

/** Makes an empty collection of bytes. */
export function createByteWriter(): ByteWriter {
  let buffer = new Uint8Array(64);
  let length = 0;
  const reserve = (count: number): void => {
    if (length + count > buffer.length) {
      const larger = new Uint8Array(Math.max(buffer.length * 2, length + count));
      larger.set(buffer.subarray(0, length));
      buffer = larger;
    }
  };
  const raw = (value: Uint8Array): void => {
    reserve(value.length);
    buffer.set(value, length);
    length += value.length;
  };
  const writer: ByteWriter = {
    uint: (value) => {
      raw(encodeUint(value));
    },
    int: (value) => {
      const big = integer(value);
      writer.uint(big < 0n ? (~big << 1n) | 1n : big << 1n);
    },
    float: (value) => {
      const view = new DataView(new ArrayBuffer(8));
      view.setFloat64(0, value, true);
      writer.uint(view.getBigUint64(0, false));
    },
    bytes: (value) => {
      writer.uint(value.length);
      raw(value);
    },
    text: (value) => {
      writer.bytes(new TextEncoder().encode(value));
    },
    raw,
    result: () => buffer.slice(0, length),
  };
  return writer;
}

/** @throws GobError for what is no whole number of 64 bits. */
export function encodeUint(value: number | bigint): Uint8Array {
  const big = integer(value);
  if (big < 0n || big > UINT64_MAX) {
    throw new GobError(`${value} is no unsigned integer of 64 bits`);
  }
  if (big < 128n) {
    return Uint8Array.of(Number(big));
  }
  const bytes: number[] = [];
  for (let rest = big; rest > 0n; rest >>= 8n) {
    bytes.unshift(Number(rest & 0xffn));
  }
  return Uint8Array.of(256 - bytes.length, ...bytes);
}

function integer(value: number | bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new GobError(`${value} is no whole number`);
  }
  const big = BigInt(value);
  if (big < INT64_MIN || big > UINT64_MAX) {
    throw new GobError(`${value} has more than 64 bits`);
  }
  return big;
}

/** Reads one message from its beginning to its end. */
export class MessageReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws GobError behind the end. */
  take(count: number): Uint8Array {
    if (count > this.left) {
      throw new GobError('a value is longer than its message');
    }
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  /** The next unsigned integer, whole. */
  bigUint(): bigint {
    const first = this.#byte();
    if (first < 128) {
      return BigInt(first);
    }
    let value = 0n;
    for (const byte of this.take(multiByteLength(first))) {
      value = (value << 8n) | BigInt(byte);
    }
    return value;
  }

  /** A length, a count or a field number. @throws GobError when it does not fit. */
  count(): number {
    const value = this.bigUint();
    if (value > 0x7fff_ffffn) {
      throw new GobError('a count is too large');
    }
    return Number(value);
  }

  /** The next signed integer. */
  int(): number | bigint {
    const value = this.bigUint();
    return narrow((value & 1n) === 1n ? ~(value >> 1n) : value >> 1n);
  }

  uint(): number | bigint {
    return narrow(this.bigUint());
  }

  float(): number {
    const view = new DataView(new ArrayBuffer(8));
    view.setBigUint64(0, this.bigUint(), false);
    return view.getFloat64(0, true);
  }

  /** Length and that many bytes, copied. */
  bytes(): Uint8Array {
    return this.take(this.count()).slice();
  }

  /** UTF-8; what is not becomes U+FFFD. */
  text(): string {
    return new TextDecoder('utf-8', { ignoreBOM: true }).decode(this.take(this.count()));
  }

  #byte(): number {
    return this.take(1)[0] as number;
  }
}

/** How many bytes follow the first one of a long unsigned integer. */
export function multiByteLength(first: number): number {
  const length = 256 - first;
  if (length > 8) {
    throw new GobError('an integer has more than 64 bits');
  }
  return length;
}

/** A number where it is exact, else the bigint. */
export function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
