import { abortReason } from './abort.ts';

/**
 * Counts the channels of a connection. sshd refuses more than MaxSessions of them (10 unless configured), and
 * some servers take fewer, which is only learned by being refused.
 */
export interface Slots {
  /** Waits for a free slot, first come first served; rejects with the reason when aborted. */
  readonly acquire: (signal?: AbortSignal) => Promise<void>;
  /** The server refused a channel: from now on so many as are open besides it. False when there are none. */
  readonly lower: () => boolean;
  readonly release: () => void;
}

/** Slots of which at most `countMax` are taken at a time. */
export function makeSlots(countMax: number): Slots {
  let limit = countMax;
  let used = 0;
  const waiting: (() => void)[] = [];
  return {
    acquire: async (signal) => {
      signal?.throwIfAborted();
      if (used < limit) {
        used += 1;
        return;
      }
      await new Promise<void>((resolve, reject) => {
        const take = (): void => {
          signal?.removeEventListener('abort', giveUp);
          used += 1;
          resolve();
        };
        const giveUp = (): void => {
          waiting.splice(waiting.indexOf(take), 1);
          if (signal !== undefined) {
            reject(abortReason(signal));
          }
        };
        signal?.addEventListener('abort', giveUp, { once: true });
        waiting.push(take);
      });
    },
    lower: () => {
      limit = Math.max(1, Math.min(limit, used - 1));
      return used > 1;
    },
    release: () => {
      used -= 1;
      if (used < limit) {
        waiting.shift()?.();
      }
    },
  };
}
