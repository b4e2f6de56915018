import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { Droplet } from './answers.ts';
import type { DropletState } from './config.ts';
import { findById } from './find-droplet.ts';
import type { DropletContext, DropletWorld } from './world.ts';

/** Waiting for a droplet. One that was made a moment ago may not be known everywhere. */

const stateTimeoutMs = 10 * 60_000;
const unknownTimeoutMs = 90_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 15_000;

/** The address by which the machine is reached. */
export function addressOf(
  droplet: Droplet,
  { usesPrivateAddress }: Pick<DropletState, 'usesPrivateAddress'>,
): string | undefined {
  return usesPrivateAddress ? droplet.privateAddress : droplet.publicAddress;
}

/** What is waited for. */
export interface DropletWait {
  readonly what: string;
  /** Called with the droplet each time; what it throws ends the wait. */
  readonly isReached: (droplet: Droplet) => boolean | Promise<boolean>;
  readonly timeoutMs?: number;
  /** More to say when time is over. */
  readonly hint?: () => string | undefined;
}

/** @throws MachineError `vm-start-failed` for a droplet that is gone; `timeout`. */
export async function waitUntil(
  { config, host, signal, name }: DropletContext,
  { api }: DropletWorld,
  { what, isReached, timeoutMs = stateTimeoutMs, hint }: DropletWait,
): Promise<Droplet> {
  const beganMs = host.clock.monotonicMs();
  let last = 'not known yet';
  return waitFor(
    async () => {
      const found = await findById(api, config.dropletId);
      if (found === undefined) {
        if (host.clock.monotonicMs() - beganMs < unknownTimeoutMs) {
          return undefined;
        }
        throw new MachineError('vm-start-failed', `The droplet ${config.dropletId} of "${name}" is gone.`, {
          why: 'DigitalOcean does not know it any more.',
          remedies: [`tsmachine rm ${name}`],
        });
      }
      last = `${found.status}${found.isLocked ? ' and locked' : ''}`;
      return (await isReached(found)) ? found : undefined;
    },
    {
      clock: host.clock,
      timeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what,
      hint: () => [`The droplet ${config.dropletId} is ${last}.`, hint?.() ?? ''].join(' ').trim(),
    },
  );
}
