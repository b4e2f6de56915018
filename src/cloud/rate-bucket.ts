import type { WaitClock } from '../core/wait.ts';
import { afterEntry, fullBucket, grantAfterPause, type RateBudget } from './rate-state.ts';

/** Tokens that come back with time: whoever takes one that is not there yet waits for it. */
export interface RateBucket {
  /**
   * Waits until a request may be sent; in the order of those who ask, but what removes something has a reserve.
   * @throws the signal's reason when aborted.
   */
  take(how?: { readonly isRemoval?: boolean; readonly signal?: AbortSignal | undefined }): Promise<void>;
  /** The server turned a request away: nobody sends one for so long, and then one after the other. */
  pause(durationMs: number): Promise<void>;
}

/** A bucket of this process alone. */
export function createRateBucket(clock: WaitClock, budget: RateBudget): RateBucket {
  let state = fullBucket;
  const waiting = new Set<{ grantMs: number }>();
  return {
    take: async ({ isRemoval = false, signal } = {}) => {
      const atMs = clock.monotonicMs();
      const after = afterEntry(state, { kind: isRemoval ? 'removal' : 'call', atMs }, budget);
      ({ state } = after);
      const place = { grantMs: after.grantMs ?? atMs };
      waiting.add(place);
      try {
        // Once more when a pause has come in between.
        for (let nowMs = atMs; place.grantMs > nowMs; nowMs = clock.monotonicMs()) {
          await clock.sleep(Math.ceil(place.grantMs - nowMs), signal);
        }
      } finally {
        waiting.delete(place);
      }
    },
    pause: async (durationMs) => {
      const atMs = clock.monotonicMs();
      const pause = { kind: 'pause', atMs, untilMs: atMs + durationMs } as const;
      for (const place of waiting) {
        place.grantMs = grantAfterPause(place.grantMs, state, pause);
      }
      ({ state } = afterEntry(state, pause, budget));
    },
  };
}
