/**
 * A bit stream that is read backwards (RFC 8878 section 4.1): bits are added from the lowest on, and a final 1
 * marks where the reader begins.
 */
export class BitWriter {
  readonly #target: Uint8Array;
  #position: number;
  #bits = 0;
  #count = 0;

  constructor(target: Uint8Array, position: number) {
    this.#target = target;
    this.#position = position;
  }

  /** Adds the low `count` bits of `value`, which has no others; at most 24 at once. */
  add(value: number, count: number): void {
    this.#bits |= value << this.#count;
    this.#count += count;
    while (this.#count >= 8) {
      this.#target[this.#position] = this.#bits & 0xff;
      this.#position += 1;
      this.#bits >>>= 8;
      this.#count -= 8;
    }
  }

  /** Fills up the last byte with zeros and returns the position behind it. */
  flush(): number {
    if (this.#count > 0) {
      this.add(0, 8 - this.#count);
    }
    return this.#position;
  }

  /** Ends a stream that is read backwards; returns the position behind it. */
  finish(): number {
    this.add(1, 1);
    return this.flush();
  }
}

/** Position of the highest set bit; 0 for 1. */
export function highBit(value: number): number {
  return 31 - Math.clz32(value);
}
