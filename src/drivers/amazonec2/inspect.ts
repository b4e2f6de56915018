import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverStatus, PowerState } from '../driver.ts';
import { hostEndpoints } from '../host-endpoints.ts';
import type { Ec2Config } from './config.ts';
import { findById } from './find-instance.ts';
import type { Instance } from './api/answers.ts';
import { addressOf } from './wait-instance.ts';
import { openWorld, type Ec2Context } from './world.ts';

const powerStates: Readonly<Record<string, PowerState>> = {
  pending: 'starting',
  running: 'running',
  'shutting-down': 'stopping',
  stopping: 'stopping',
  stopped: 'stopped',
  terminated: 'absent',
};

/** The status of a machine whose instance was not made yet. */
export const withoutInstance: DriverStatus = { power: 'absent', detail: 'it has no instance yet' };

/** How the machine is, from EC2. What EC2 does not tell is an error state with the reason. */
export async function inspectInstance(context: Ec2Context): Promise<DriverStatus> {
  const { config, signal } = context;
  if (config.instanceId === '') {
    return withoutInstance;
  }
  try {
    return statusOf(await findById((await openWorld(context)).ec2, config.instanceId), config);
  } catch (error) {
    signal.throwIfAborted();
    return problemStatus(error);
  }
}

/** The status of a machine of which EC2 could not be asked. */
export function problemStatus(error: unknown): DriverStatus {
  const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
  return { power: 'error', detail: `${messageOf(error)}${why}` };
}

/** The status of an instance as EC2 tells it; undefined for one that it does not know. */
export function statusOf(instance: Instance | undefined, config: Ec2Config): DriverStatus {
  if (instance === undefined) {
    return { power: 'absent', detail: `EC2 does not know the instance ${config.instanceId}` };
  }
  const power = powerStates[instance.state] ?? 'error';
  const detail =
    power === 'running'
      ? {}
      : {
          detail: `the instance ${instance.id} is ${instance.state}${instance.reason === undefined ? '' : `: ${instance.reason}`}`,
        };
  const address = power === 'running' ? addressOf(instance, config) : undefined;
  return { power, ...detail, ...(address === undefined ? {} : hostEndpoints(address, config)) };
}

/** The address of the last start, without asking anybody. */
export function recallStatus(config: Ec2Config): DriverStatus | undefined {
  return config.address === '' || config.instanceId === ''
    ? undefined
    : { power: 'running', ...hostEndpoints(config.address, config) };
}
