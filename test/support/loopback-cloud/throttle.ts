// How clouds turn requests away: a bucket, as the documentation of EC2 describes it.

/** A bucket of tokens that come back with time. */
export interface Throttle {
  /** False for a request that is one too many. */
  takes(): boolean;
  /** How many were turned away. */
  readonly refused: number;
}

/** So many at once, and then so many a second. */
export function createThrottle({
  burst,
  perSecond,
}: {
  readonly burst: number;
  readonly perSecond: number;
}): Throttle {
  let tokens = burst;
  let lastMs = performance.now();
  let refused = 0;
  return {
    get refused() {
      return refused;
    },
    takes: () => {
      const nowMs = performance.now();
      tokens = Math.min(burst, tokens + ((nowMs - lastMs) / 1000) * perSecond);
      lastMs = nowMs;
      if (tokens < 1) {
        refused += 1;
        return false;
      }
      tokens -= 1;
      return true;
    },
  };
}
