import { MachineError } from '../core/errors.ts';
import { waitFor, type WaitClock } from '../core/wait.ts';

/** Waiting for a machine at a provider. One that was made a moment ago may not be known everywhere. */

/** Who waits. */
export interface WaitingContext {
  readonly host: { readonly clock: WaitClock };
  readonly signal: AbortSignal;
  /** The machine's name here. */
  readonly name: string;
}

/** What is waited for. */
export interface WantedState<Found> {
  /** `the instance of "dev" to run`. */
  readonly what: string;
  /** Called each time; what it throws ends the wait. */
  readonly isReached: (found: Found) => boolean | Promise<boolean>;
  readonly timeoutMs?: number;
  /** More to say when time is over. */
  readonly hint?: () => string | undefined;
}

/** A machine as its provider knows it. */
export interface ProviderMachine<Found> {
  /** `instance i-0123`. */
  readonly noun: string;
  /** The provider's name. */
  readonly provider: string;
  readonly find: () => Promise<Found | undefined>;
  /** Its state in the provider's words. */
  readonly stateOf: (found: Found) => string;
  /** Why it will never come, when that is so. */
  readonly endOf?: (found: Found) => { readonly isIn: string; readonly why: string | undefined } | undefined;
  readonly timeoutMs: number;
  readonly intervalMs?: number;
  readonly intervalMaxMs?: number;
}

const unknownTimeoutMs = 90_000;
const firstIntervalMs = 2_000;
const usualMaxMs = 15_000;

/**
 * Waits until a machine has a state.
 * @throws MachineError `vm-start-failed` for one that is gone or ends; `timeout`.
 */
export async function waitForMachine<Found>(
  { host: { clock }, signal, name }: WaitingContext,
  machine: ProviderMachine<Found>,
  wanted: WantedState<Found>,
): Promise<Found> {
  const {
    noun,
    provider,
    find,
    stateOf,
    endOf,
    intervalMs = firstIntervalMs,
    intervalMaxMs = usualMaxMs,
  } = machine;
  const beganMs = clock.monotonicMs();
  let last = 'not known yet';
  const look = async (): Promise<Found | undefined> => {
    const found = await find();
    if (found === undefined && clock.monotonicMs() - beganMs < unknownTimeoutMs) {
      return undefined;
    }
    const end =
      found === undefined ? { isIn: 'gone', why: `${provider} does not know it any more.` } : endOf?.(found);
    if (found === undefined || end !== undefined) {
      throw new MachineError('vm-start-failed', `The ${noun} of "${name}" is ${end?.isIn ?? 'gone'}.`, {
        ...(end?.why === undefined ? {} : { why: end.why }),
        remedies: [`tsmachine rm ${name}`],
      });
    }
    last = stateOf(found);
    return (await wanted.isReached(found)) ? found : undefined;
  };
  return waitFor(look, {
    clock,
    timeoutMs: wanted.timeoutMs ?? machine.timeoutMs,
    intervalMs,
    intervalMaxMs: Math.max(intervalMs, intervalMaxMs),
    signal,
    code: 'timeout',
    what: wanted.what,
    hint: () => [`The ${noun} is ${last}.`, wanted.hint?.() ?? ''].join(' ').trim(),
  });
}
