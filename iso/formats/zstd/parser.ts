import { highBit } from './bit-writer.ts';
import { MatchFinder } from './match-finder.ts';
import type { SearchEffort } from './match-finder.ts';
import { PRICED_LENGTH_MAX, Prices } from './prices.ts';
import { RepeatedOffsets } from './repeated-offsets.ts';
import { MATCH_LENGTH_MIN } from './sequence-codes.ts';
import type { SequenceList } from './sequences.ts';

/**
 * Divides data into literals and matches so that the estimated cost is least: for every position the cheapest
 * way to it is kept, as in a shortest path search, and read back where no match reaches further.
 */

/** A run of positions is settled at the latest after this many. */
const RUN_POSITIONS_MAX = 4096;
const UNREACHED = 0x7fffffff;
/** What the offset value of a new distance is above the distance (RFC 8878 section 3.1.1.5). */
const NEW_OFFSET = 3;

/** A match that is taken without further weighing, because it is long. */
interface LongMatch {
  readonly length: number;
  readonly offsetValue: number;
}

export class Parser {
  readonly prices: Prices;
  /** Repeated offsets before the current position. */
  readonly offsets = new RepeatedOffsets();
  readonly #data: Uint8Array;
  readonly #finder: MatchFinder;
  readonly #niceLength: number;
  /** The next position that the finder does not know yet. */
  #searched = 0;
  /** End of the block, which no match may cross. */
  #end = 0;
  /** Start of the literals that no sequence holds yet. */
  #anchor = 0;
  /** Highest index of the run that is initialised, and the highest that a match reaches. */
  #filled = 0;
  #reached = 0;

  // The cheapest way to each position of a run, by its index in the run: the cost, the match that ends there
  // (length 0: a literal), the literals since the last match, and the repeated offsets behind it.
  readonly #cost: Int32Array;
  readonly #matchLength: Int32Array;
  readonly #offsetValue: Int32Array;
  readonly #pending: Int32Array;
  readonly #offsets: RepeatedOffsets[];

  constructor(data: Uint8Array, effort: SearchEffort) {
    this.#data = data;
    this.#finder = new MatchFinder(data, effort);
    this.prices = new Prices(data);
    this.#niceLength = effort.niceLength;
    const size = RUN_POSITIONS_MAX + effort.niceLength + 2;
    this.#cost = new Int32Array(size);
    this.#matchLength = new Int32Array(size);
    this.#offsetValue = new Int32Array(size);
    this.#pending = new Int32Array(size);
    this.#offsets = Array.from({ length: size }, () => new RepeatedOffsets());
  }

  /** Adds the sequences of the block from `start` to `end` (exclusive) to `list`. Blocks come in order. */
  parseBlock(start: number, end: number, list: SequenceList): void {
    this.#anchor = start;
    this.#end = end;
    for (let position = start; position < end;) {
      position += this.#run(position, list);
    }
  }

  /** Settles the positions from `base` on and returns how many. */
  #run(base: number, list: SequenceList): number {
    const pending = base - this.#anchor;
    this.#cost[0] = 0;
    this.#pending[0] = pending;
    this.#matchLength[0] = 0;
    this.#offsets[0]?.copyFrom(this.offsets);
    this.#filled = 0;
    this.#reached = 0;
    for (let index = 0; ; index += 1) {
      if (index > 0) {
        this.#arrive(index);
        // No match leads over this position, so that every way goes through it.
        if (index === this.#reached || index >= RUN_POSITIONS_MAX) {
          this.#settle(base, index, list);
          return index;
        }
      }
      const long = this.#extend(base + index, index);
      if (long !== undefined) {
        this.#settle(base, index, list);
        this.#emit(base + index, long.length, long.offsetValue, list);
        return index + long.length;
      }
      if (index === 0 && this.#reached === 0) {
        return 1;
      }
      this.#stepLiteral(base + index, index);
    }
  }

  /** Computes the repeated offsets behind the way that has won at `index`. */
  #arrive(index: number): void {
    const length = this.#matchLength[index] as number;
    const own = this.#offsets[index] as RepeatedOffsets;
    own.copyFrom(this.#offsets[index - Math.max(1, length)] as RepeatedOffsets);
    if (length > 0) {
      own.use(this.#offsetValue[index] as number, this.#pending[index - length] === 0);
    }
  }

  #fill(index: number): void {
    while (this.#filled < index) {
      this.#filled += 1;
      this.#cost[this.#filled] = UNREACHED;
    }
  }

  #stepLiteral(position: number, index: number): void {
    this.#fill(index + 1);
    const pending = this.#pending[index] as number;
    const lengthPrices = this.prices.literalLengths;
    const grown =
      (lengthPrices[Math.min(pending + 1, PRICED_LENGTH_MAX)] as number) -
      (lengthPrices[Math.min(pending, PRICED_LENGTH_MAX)] as number);
    const literal = this.prices.literals[this.#data[position] as number] as number;
    const cost = (this.#cost[index] as number) + literal + grown;
    if (cost < (this.#cost[index + 1] as number)) {
      this.#cost[index + 1] = cost;
      this.#matchLength[index + 1] = 0;
      this.#pending[index + 1] = pending + 1;
    }
  }

  /** Tries all matches at a position; returns one that is long enough to be taken at once. */
  #extend(position: number, index: number): LongMatch | undefined {
    const limit = this.#end - position;
    const repeated = this.#tryRepeated(position, index, limit);
    if (repeated.length >= this.#niceLength) {
      this.#catchUp(position + 1);
      return {
        length: this.#extendedLength(position, repeated.distance, limit),
        offsetValue: repeated.offsetValue,
      };
    }
    this.#catchUp(position);
    if (this.#searched > position) {
      return undefined;
    }
    this.#searched = position + 1;
    const found = this.#finder.search(position, repeated.length);
    const { lengths, distances } = this.#finder;
    let from = Math.max(MATCH_LENGTH_MIN, repeated.length + 1);
    for (let k = 0; k < found; k += 1) {
      const distance = distances[k] as number;
      const length = Math.min(lengths[k] as number, limit);
      if (length >= this.#niceLength) {
        return {
          length: this.#extendedLength(position, distance, limit),
          offsetValue: distance + NEW_OFFSET,
        };
      }
      this.#offer(index, from, length, distance + NEW_OFFSET);
      from = length + 1;
    }
    return undefined;
  }

  #tryRepeated(
    position: number,
    index: number,
    limit: number,
  ): { length: number; offsetValue: number; distance: number } {
    const data = this.#data;
    const offsets = this.#offsets[index] as RepeatedOffsets;
    const noLiterals = this.#pending[index] === 0;
    const lengthMax = Math.min(limit, this.#niceLength);
    const best = { length: 0, offsetValue: 0, distance: 0 };
    for (let offsetValue = 1; offsetValue <= 3; offsetValue += 1) {
      const distance = offsets.distanceOf(offsetValue, noLiterals);
      const source = position - distance;
      if (distance <= 0 || source < 0) {
        continue;
      }
      let length = 0;
      while (length < lengthMax && data[source + length] === data[position + length]) {
        length += 1;
      }
      if (length > best.length && length >= MATCH_LENGTH_MIN) {
        this.#offer(
          index,
          best.length < MATCH_LENGTH_MIN ? MATCH_LENGTH_MIN : best.length + 1,
          length,
          offsetValue,
        );
        best.length = length;
        best.offsetValue = offsetValue;
        best.distance = distance;
      }
    }
    return best;
  }

  /** Offers a match in all its lengths from `from` to `to` as the way to the positions behind it. */
  #offer(index: number, from: number, to: number, offsetValue: number): void {
    this.#fill(index + to);
    if (index + to > this.#reached && to >= from) {
      this.#reached = index + to;
    }
    const { matchLengths, offsets, literalLengths } = this.prices;
    const base =
      (this.#cost[index] as number) +
      (offsets[highBit(offsetValue)] as number) +
      (literalLengths[0] as number);
    const costs = this.#cost;
    for (let length = from; length <= to; length += 1) {
      const cost = base + (matchLengths[Math.min(length, PRICED_LENGTH_MAX)] as number);
      const at = index + length;
      if (cost < (costs[at] as number)) {
        costs[at] = cost;
        this.#matchLength[at] = length;
        this.#offsetValue[at] = offsetValue;
        this.#pending[at] = 0;
      }
    }
  }

  /** Adds positions to the finder up to `position` (exclusive). */
  #catchUp(position: number): void {
    while (this.#searched < position) {
      this.#finder.search(this.#searched, this.#niceLength);
      this.#searched += 1;
    }
  }

  #extendedLength(position: number, distance: number, limit: number): number {
    const data = this.#data;
    let length = this.#niceLength;
    while (length < limit && data[position + length] === data[position + length - distance]) {
      length += 1;
    }
    return length;
  }

  /** Turns the cheapest way to `index` into sequences. */
  #settle(base: number, index: number, list: SequenceList): void {
    const ends: number[] = [];
    for (let at = index; at > 0; at -= Math.max(1, this.#matchLength[at] as number)) {
      if ((this.#matchLength[at] as number) > 0) {
        ends.push(at);
      }
    }
    for (const end of ends.reverse()) {
      const length = this.#matchLength[end] as number;
      this.#emit(base + end - length, length, this.#offsetValue[end] as number, list);
    }
  }

  #emit(position: number, length: number, offsetValue: number, list: SequenceList): void {
    const literals = position - this.#anchor;
    list.add(literals, length, offsetValue);
    this.offsets.use(offsetValue, literals === 0);
    this.#anchor = position + length;
  }
}
