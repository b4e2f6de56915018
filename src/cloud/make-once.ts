import { isMachineError } from '../core/errors.ts';
import type { WaitClock } from '../core/wait.ts';
import { cloudStatus } from './json-api.ts';

/** How something is made at a cloud that has no tokens against making it twice. */
export interface MakeOnce<T> {
  /** Looks for what an earlier attempt made: by the tag of the machine, or by its unique name. */
  readonly find: () => Promise<T | undefined>;
  /** Sends the request once. */
  readonly make: () => Promise<T>;
  readonly clock: WaitClock;
  readonly signal: AbortSignal;
  readonly attemptsMax?: number;
  /** Lists may be some seconds behind: so long is waited before each look after an answer that was lost. */
  readonly settleMs?: number;
  /** An earlier command may have sent the request; without it the first look is spared. */
  readonly mayBeThere?: boolean;
}

const looks = 3;

/**
 * Makes something that must not be there twice: before a request is sent again whose answer was lost, what it may have
 * made is looked for.
 * @throws what `make` throws when it is final, or after the last attempt.
 */
export async function makeOnce<T>(options: MakeOnce<T>): Promise<T> {
  const { find, make, clock, signal, attemptsMax = 5, settleMs = 3_000, mayBeThere = true } = options;
  const present = mayBeThere ? await find() : undefined;
  if (present !== undefined) {
    return present;
  }
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await make();
    } catch (error) {
      signal.throwIfAborted();
      if (!isUnclear(error) || attempt >= attemptsMax) {
        throw error;
      }
    }
    for (let look = 1; look <= looks; look += 1) {
      await clock.sleep(settleMs, signal);
      const made = await find();
      if (made !== undefined) {
        return made;
      }
    }
  }
}

/** True when nobody knows how far a request came. */
function isUnclear(error: unknown): boolean {
  const status = cloudStatus(error);
  return (
    isMachineError(error) &&
    (error.code === 'request-failed' || status === 408 || (status !== undefined && status >= 500))
  );
}
