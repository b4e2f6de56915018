import { MachineError } from './errors.ts';
import type { ErrorCode } from './codes.ts';

/** The two things of a clock that waiting needs. */
export interface WaitClock {
  /** Milliseconds that only go forward. */
  monotonicMs(): number;
  /** Resolves after so many milliseconds; rejects with the signal's reason when aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** Bounds of a wait. */
export interface WaitOptions {
  readonly clock: WaitClock;
  readonly timeoutMs: number;
  /** Pause between two probes; grows by half each time up to `intervalMaxMs`. */
  readonly intervalMs: number;
  readonly intervalMaxMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** The error when time is over. */
  readonly code: ErrorCode;
  /** "the guest to power off": completes "waited 60 s for …". */
  readonly what: string;
  /** What to look at when it timed out. */
  readonly hint?: () => string | undefined;
}

/**
 * Calls `probe` until it returns something other than undefined, and returns that.
 * @throws MachineError with `options.code` when `timeoutMs` is over; whatever the probe throws.
 */
export async function waitFor<T>(probe: () => Promise<T | undefined>, options: WaitOptions): Promise<T> {
  const { clock, timeoutMs, signal } = options;
  const deadline = clock.monotonicMs() + timeoutMs;
  let intervalMs = options.intervalMs;
  for (;;) {
    signal?.throwIfAborted();
    const found = await probe();
    if (found !== undefined) {
      return found;
    }
    const leftMs = deadline - clock.monotonicMs();
    if (leftMs <= 0) {
      const hint = options.hint?.();
      throw new MachineError(options.code, `Waited ${Math.round(timeoutMs / 1000)} s for ${options.what}.`, {
        ...(hint === undefined ? {} : { why: hint }),
      });
    }
    await clock.sleep(Math.min(intervalMs, leftMs), signal);
    intervalMs = Math.min(intervalMs * 1.5, options.intervalMaxMs ?? intervalMs);
  }
}
