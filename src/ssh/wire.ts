/** The binary building blocks of SSH (RFC 4251, section 5), in keys, signatures and key files. */

/** Bytes with their length, as 32 bits big-endian, in front. */
export function sshString(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

/** 32 bits, big-endian. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** Reads one building block after the other. Every method throws RangeError when the bytes end too early. */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes);
  }

  uint32(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  string(): Buffer {
    const length = this.uint32();
    if (length > this.#bytes.length - this.#at) {
      throw new RangeError('a string reaches beyond the end');
    }
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  skip(count: number): void {
    if (count > this.#bytes.length - this.#at) {
      throw new RangeError('the bytes end too early');
    }
    this.#at += count;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }
}
