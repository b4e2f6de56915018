import { waitForMachine, type ProviderMachine, type WantedState } from '../../cloud/wait-for-machine.ts';
import type { Instance } from './api/answers.ts';
import type { Ec2Config } from './config.ts';
import { findById } from './find-instance.ts';
import type { Ec2Context, Ec2World } from './world.ts';

/** Waiting for an instance. */

const stateTimeoutMs = 10 * 60_000;

/** The address by which the machine is reached. */
export function addressOf(instance: Instance, config: Ec2Config): string | undefined {
  if (config.isIpv6Only) {
    return instance.ipv6Address;
  }
  return config.isPrivateOnly || config.usesPrivateAddress ? instance.privateAddress : instance.publicAddress;
}

/** Waits until it runs and has its address. @throws MachineError `vm-start-failed` when it ends instead; `timeout`. */
export async function waitUntilRunning(context: Ec2Context, world: Ec2World): Promise<Instance> {
  return waitUntil(context, world, {
    what: `the instance of "${context.name}" to run and have an address`,
    isReached: (instance) =>
      instance.state === 'running' && addressOf(instance, context.config) !== undefined,
  });
}

/** @throws MachineError `vm-start-failed` for an instance that is gone or ends; `timeout`. */
export async function waitUntil(
  context: Ec2Context,
  { ec2 }: Ec2World,
  wanted: WantedState<Instance>,
): Promise<Instance> {
  const { instanceId } = context.config;
  const machine: ProviderMachine<Instance> = {
    noun: `instance ${instanceId}`,
    provider: 'EC2',
    find: async () => findById(ec2, instanceId),
    stateOf: ({ state }) => state,
    endOf: ({ state, reason }) =>
      state === 'terminated' || state === 'shutting-down'
        ? { isIn: 'gone', why: reason ?? 'It was terminated.' }
        : undefined,
    timeoutMs: stateTimeoutMs,
  };
  return waitForMachine(context, machine, wanted);
}
