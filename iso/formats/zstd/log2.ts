const FRACTION_BITS = 16;

/**
 * Binary logarithm of a positive number, cut after 16 binary places. Math.log2 may differ in its last bit between
 * engines, and a choice that hangs on it would change the output; multiplication and division cannot.
 */
export function log2(value: number): number {
  let rest = value;
  let result = 0;
  while (rest >= 2) {
    rest /= 2;
    result += 1;
  }
  while (rest < 1) {
    rest *= 2;
    result -= 1;
  }
  // Squaring doubles the logarithm: each step shows the next binary place.
  let place = 1;
  for (let i = 0; i < FRACTION_BITS; i += 1) {
    rest *= rest;
    place /= 2;
    if (rest >= 2) {
      rest /= 2;
      result += place;
    }
  }
  return result;
}
