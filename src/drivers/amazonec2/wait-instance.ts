import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { Instance } from './api/answers.ts';
import type { Ec2Config } from './config.ts';
import { findById } from './find-instance.ts';
import type { Ec2Context, Ec2World } from './world.ts';

/** Waiting for an instance. One that was made a moment ago may not be known everywhere. */

const stateTimeoutMs = 10 * 60_000;
const unknownTimeoutMs = 90_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 15_000;

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

/** What is waited for. */
export interface InstanceWait {
  readonly what: string;
  readonly isReached: (instance: Instance) => boolean;
  readonly timeoutMs?: number;
}

/** @throws MachineError `vm-start-failed` for an instance that is gone or ends. */
export async function waitUntil(
  { config, host, signal, name }: Ec2Context,
  { ec2 }: Ec2World,
  { what, isReached, timeoutMs = stateTimeoutMs }: InstanceWait,
): Promise<Instance> {
  const beganMs = host.clock.monotonicMs();
  let last = 'not known yet';
  return waitFor(
    async () => {
      const found = await findById(ec2, config.instanceId);
      if (found === undefined && host.clock.monotonicMs() - beganMs < unknownTimeoutMs) {
        return undefined;
      }
      if (found === undefined || found.state === 'terminated' || found.state === 'shutting-down') {
        throw new MachineError('vm-start-failed', `The instance ${config.instanceId} of "${name}" is gone.`, {
          why: found?.reason ?? 'EC2 does not know it any more.',
          remedies: [`tsmachine rm ${name}`],
        });
      }
      last = found.state;
      return isReached(found) ? found : undefined;
    },
    {
      clock: host.clock,
      timeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what,
      hint: () => `The instance ${config.instanceId} is ${last}.`,
    },
  );
}
