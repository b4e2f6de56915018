/**
 * Metadata of squashfs: a stream of bytes in blocks of 8 KiB, each compressed by itself and preceded by its
 * length. A place in it is named by the start of its block on the disk and the offset inside the unpacked block.
 */

const BLOCK_BYTES = 8192;
const UNCOMPRESSED = 0x8000;

/** Compresses a buffer; the result may be larger than the input. */
export type Pack = (data: Uint8Array) => Uint8Array;

export interface MetadataPlace {
  /** Start of the block, in bytes from the start of the stream as it is on the disk. */
  readonly blockStart: number;
  /** Offset in the unpacked block. */
  readonly offset: number;
}

export class MetadataWriter {
  /** Where each finished block starts, from the start of the stream. */
  readonly blockStarts: number[] = [];
  readonly #pack: Pack;
  readonly #chunks: Uint8Array[] = [];
  readonly #pending = new Uint8Array(BLOCK_BYTES);
  #pendingBytes = 0;
  #written = 0;

  constructor(pack: Pack) {
    this.#pack = pack;
  }

  /** Where the next byte will be. */
  get place(): MetadataPlace {
    return { blockStart: this.#written, offset: this.#pendingBytes };
  }

  add(bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length;) {
      const count = Math.min(bytes.length - from, BLOCK_BYTES - this.#pendingBytes);
      this.#pending.set(bytes.subarray(from, from + count), this.#pendingBytes);
      this.#pendingBytes += count;
      from += count;
      // A full block is written at once, so that `place` never points to the end of one.
      if (this.#pendingBytes === BLOCK_BYTES) {
        this.#flush();
      }
    }
  }

  /** The whole stream as it goes to the disk. */
  finish(): Uint8Array {
    if (this.#pendingBytes > 0) {
      this.#flush();
    }
    return Buffer.concat(this.#chunks);
  }

  #flush(): void {
    const raw = this.#pending.slice(0, this.#pendingBytes);
    const packed = this.#pack(raw);
    const smaller = packed.length < raw.length;
    const body = smaller ? packed : raw;
    const header = smaller ? body.length : body.length | UNCOMPRESSED;
    this.blockStarts.push(this.#written);
    this.#chunks.push(Uint8Array.of(header & 0xff, header >> 8), body);
    this.#written += 2 + body.length;
    this.#pendingBytes = 0;
  }
}
