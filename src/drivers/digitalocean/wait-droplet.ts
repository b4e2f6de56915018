import { waitForMachine, type ProviderMachine, type WantedState } from '../../cloud/wait-for-machine.ts';
import type { Droplet } from './answers.ts';
import type { DropletState } from './config.ts';
import { findById } from './find-droplet.ts';
import type { DropletContext, DropletWorld } from './world.ts';

/** Waiting for a droplet. */

const stateTimeoutMs = 10 * 60_000;

/** The address by which the machine is reached. */
export function addressOf(
  droplet: Droplet,
  { usesPrivateAddress }: Pick<DropletState, 'usesPrivateAddress'>,
): string | undefined {
  return usesPrivateAddress ? droplet.privateAddress : droplet.publicAddress;
}

/** @throws MachineError `vm-start-failed` for a droplet that is gone; `timeout`. */
export async function waitUntil(
  context: DropletContext,
  { api }: DropletWorld,
  wanted: WantedState<Droplet>,
): Promise<Droplet> {
  const { dropletId } = context.config;
  const machine: ProviderMachine<Droplet> = {
    noun: `droplet ${dropletId}`,
    provider: 'DigitalOcean',
    find: async () => findById(api, dropletId),
    stateOf: ({ status, isLocked }) => `${status}${isLocked ? ' and locked' : ''}`,
    timeoutMs: stateTimeoutMs,
  };
  return waitForMachine(context, machine, wanted);
}
