import { waitFor, type WaitClock } from '../core/wait.ts';

/** Being certain that something is not at a cloud, or not any more. */

const looks = 3;
const goneTimeoutMs = 10 * 60_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 15_000;

/** Who waits. */
export interface Waiting {
  readonly clock: WaitClock;
  readonly signal: AbortSignal;
}

/**
 * What there is of a machine. Nothing is believed only after several looks: the answer to the request that made it may
 * have been lost a moment ago, and lists may be some seconds behind.
 * @param options.mayBeThere false where nothing was ever asked for: then the first look is enough.
 * @param options.requireRightAccount called once when nothing is found; throws for credentials that could not see it.
 */
export async function findSurely<T>(
  find: () => Promise<readonly T[]>,
  {
    clock,
    signal,
    mayBeThere,
    requireRightAccount,
    betweenLooksMs = 3_000,
  }: Waiting & {
    readonly mayBeThere: boolean;
    readonly requireRightAccount?: () => Promise<void>;
    readonly betweenLooksMs?: number;
  },
): Promise<readonly T[]> {
  for (let look = 1; ; look += 1) {
    const found = await find();
    if (found.length > 0 || !mayBeThere) {
      return found;
    }
    if (look === 1) {
      await requireRightAccount?.();
    }
    if (look === looks) {
      return [];
    }
    await clock.sleep(betweenLooksMs, signal);
  }
}

/**
 * Returns when something is gone.
 * @param what for people: `the server 4711`
 * @throws MachineError `timeout` after ten minutes.
 */
export async function waitUntilGone(
  what: string,
  isGone: () => Promise<boolean>,
  { clock, signal }: Waiting,
): Promise<void> {
  await waitFor(async () => ((await isGone()) ? true : undefined), {
    clock,
    timeoutMs: goneTimeoutMs,
    intervalMs: firstIntervalMs,
    intervalMaxMs,
    signal,
    code: 'timeout',
    what: `${what} to be gone`,
  });
}
