/**
 * Finds earlier occurrences with a binary tree of positions per hash of four bytes, sorted by what follows
 * them. One search gives, for growing lengths, the nearest place that the tree visits.
 */

const HASH_LENGTH = 4;
const HASH_BITS_MAX = 18;
const NO_POSITION = -1;

export interface SearchEffort {
  /** How many earlier positions are looked at. */
  readonly depth: number;
  /** A match of this length is good enough: the search ends. */
  readonly niceLength: number;
}

export class MatchFinder {
  /** Lengths and distances of the last search; lengths grow. */
  readonly lengths: Int32Array;
  readonly distances: Int32Array;
  readonly #data: Uint8Array;
  readonly #heads: Int32Array;
  readonly #hashShift: number;
  /** Two children per position: the subtree of smaller strings, then that of greater ones. */
  readonly #children: Int32Array;
  readonly #effort: SearchEffort;

  constructor(data: Uint8Array, effort: SearchEffort) {
    this.#data = data;
    this.#effort = effort;
    const hashBits = Math.min(HASH_BITS_MAX, Math.max(8, 32 - Math.clz32(data.length)));
    this.#hashShift = 32 - hashBits;
    this.#heads = new Int32Array(1 << hashBits).fill(NO_POSITION);
    this.#children = new Int32Array(2 * data.length);
    this.lengths = new Int32Array(effort.niceLength + 1);
    this.distances = new Int32Array(effort.niceLength + 1);
  }

  /**
   * Adds `position` to the tree and returns how many matches longer than `longerThan` it has. Every position
   * must be added once, in order. Lengths end at `niceLength` and at the end of the data.
   */
  search(position: number, longerThan: number): number {
    const data = this.#data;
    const children = this.#children;
    const limit = Math.min(this.#effort.niceLength, data.length - position);
    if (limit < HASH_LENGTH) {
      return 0;
    }
    const word =
      (data[position] as number) |
      ((data[position + 1] as number) << 8) |
      ((data[position + 2] as number) << 16) |
      ((data[position + 3] as number) << 24);
    const hash = Math.imul(word, 0x9e3779b1) >>> this.#hashShift;
    let candidate = this.#heads[hash] as number;
    this.#heads[hash] = position;
    let found = 0;
    let best = Math.max(longerThan, HASH_LENGTH - 1);
    let smaller = 2 * position;
    let greater = 2 * position + 1;
    let smallerLength = 0;
    let greaterLength = 0;
    for (let left = this.#effort.depth; candidate >= 0 && left > 0; left -= 1) {
      let length = smallerLength < greaterLength ? smallerLength : greaterLength;
      while (length < limit && data[candidate + length] === data[position + length]) {
        length += 1;
      }
      if (length > best) {
        best = length;
        this.lengths[found] = length;
        this.distances[found] = position - candidate;
        found += 1;
      }
      if (length === limit) {
        // Both are the same as far as anybody looks: the new position takes the old one's place.
        children[smaller] = children[2 * candidate] as number;
        children[greater] = children[2 * candidate + 1] as number;
        return found;
      }
      if ((data[candidate + length] as number) < (data[position + length] as number)) {
        children[smaller] = candidate;
        smaller = 2 * candidate + 1;
        candidate = children[smaller] as number;
        smallerLength = length;
      } else {
        children[greater] = candidate;
        greater = 2 * candidate;
        candidate = children[greater] as number;
        greaterLength = length;
      }
    }
    children[smaller] = NO_POSITION;
    children[greater] = NO_POSITION;
    return found;
  }
}
