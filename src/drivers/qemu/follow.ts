import type { MachineError } from '../../core/errors.ts';
import {
  followUntilReady as followConsole,
  type FollowOptions as ConsoleOptions,
  type StartLimits,
} from '../follow-guest.ts';
import type { GuestMark } from '../guest-phases.ts';
import { endedEarly, startFailure } from './failures.ts';

export { isReady, type StartLimits } from '../follow-guest.ts';

/** What to watch while a guest of QEMU starts. */
export interface FollowOptions extends Omit<ConsoleOptions, 'endedError' | 'hasEnded'> {
  /** True when QEMU has ended. */
  readonly hasEnded: () => boolean;
  /** What QEMU wrote, for the error. */
  readonly readLog: () => Promise<string>;
}

/** Measured: a whole start takes about 10 s under emulation on two cores, a few seconds accelerated. */
const emulatedLimits: StartLimits = { firstMarkTimeoutMs: 60_000, readyTimeoutMs: 180_000 };
const acceleratedLimits: StartLimits = { firstMarkTimeoutMs: 10_000, readyTimeoutMs: 60_000 };

/** How long a boot may take. */
export function limitsFor(accelerator: string): StartLimits {
  return accelerator === 'tcg' ? emulatedLimits : acceleratedLimits;
}

/**
 * Reads the console until the guest says `ready`, or what else is waited for.
 * @throws MachineError `guest-failed` (the guest gave up on something), `vm-boot-timeout` (facts: phase,
 *   the last one), `vm-start-failed` (QEMU ended; facts: reason).
 */
export async function followUntilReady(options: FollowOptions): Promise<void> {
  await followConsole({ ...options, endedError: (last) => endedError(last, options) });
}

async function endedError(last: GuestMark | undefined, options: FollowOptions): Promise<MachineError> {
  const log = await options.readLog();
  if (last === undefined) {
    return endedEarly(log);
  }
  return startFailure(
    log,
    `The machine powered off or crashed while it started, after the phase "${last.phase}".`,
  );
}
