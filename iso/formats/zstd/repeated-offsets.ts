/** The three last distances, which later matches can name in few bits (RFC 8878 section 3.1.1.5). */
export class RepeatedOffsets {
  #first = 1;
  #second = 4;
  #third = 8;

  copyFrom(other: RepeatedOffsets): void {
    this.#first = other.#first;
    this.#second = other.#second;
    this.#third = other.#third;
  }

  /**
   * The distance that offset value 1, 2 or 3 stands for. Without literals before the match the values are
   * shifted by one, because the first distance would only have made the previous match longer.
   */
  distanceOf(offsetValue: number, noLiterals: boolean): number {
    const place = noLiterals ? offsetValue + 1 : offsetValue;
    if (place === 1) {
      return this.#first;
    }
    if (place === 2) {
      return this.#second;
    }
    return place === 3 ? this.#third : this.#first - 1;
  }

  /** Takes note of a match. */
  use(offsetValue: number, noLiterals: boolean): void {
    if (offsetValue > 3) {
      this.#third = this.#second;
      this.#second = this.#first;
      this.#first = offsetValue - 3;
      return;
    }
    const place = noLiterals ? offsetValue + 1 : offsetValue;
    if (place === 1) {
      return;
    }
    const distance = this.distanceOf(offsetValue, noLiterals);
    if (place > 2) {
      this.#third = this.#second;
    }
    this.#second = this.#first;
    this.#first = distance;
  }
}
