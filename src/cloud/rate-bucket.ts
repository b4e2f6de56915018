import type { WaitClock } from '../core/wait.ts';

/** Tokens that come back with time: whoever takes one that is not there yet waits for it. */
export interface RateBucket {
  /** @throws the signal's reason when aborted. */
  take(signal?: AbortSignal): Promise<void>;
}

/** A bucket of so many tokens at first, and then so many a second. In the order of those who ask. */
export function createRateBucket(
  clock: WaitClock,
  { burst, perSecond }: { readonly burst: number; readonly perSecond: number },
): RateBucket {
  let tokens = burst;
  let lastMs = clock.monotonicMs();
  return {
    take: async (signal) => {
      const nowMs = clock.monotonicMs();
      tokens = Math.min(burst, tokens + ((nowMs - lastMs) / 1000) * perSecond);
      lastMs = nowMs;
      // Taken before the wait, so that those who wait have a place in the queue each.
      tokens -= 1;
      if (tokens < 0) {
        await clock.sleep(Math.ceil((-tokens / perSecond) * 1000), signal);
      }
    },
  };
}
