import { MachineError } from '../../core/errors.ts';
import type { Instance } from './api/answers.ts';
import { awsCode } from './api/ec2.ts';
import { findById, isThere } from './find-instance.ts';
import { addressOf, waitUntil, waitUntilRunning } from './wait-instance.ts';
import { openWorld, type Ec2Context, type Ec2World } from './world.ts';

/** Starting and stopping. "Already so" is success. */

const stopTimeoutMs = 5 * 60_000;

/** Starts the instance and returns when it runs and has an address, which is another one after every stop. */
export async function startInstance(context: Ec2Context): Promise<void> {
  const { config, signal } = context;
  signal.throwIfAborted();
  requireInstance(context);
  const world = await openWorld(context);
  const present = await waitUntil(context, world, {
    what: `the instance of "${context.name}" to be known`,
    isReached: ({ state }) => state !== 'stopping',
  });
  if (present.state === 'stopped') {
    await world.ec2.call('StartInstances', { InstanceId: [config.instanceId] });
  }
  const running = await waitUntilRunning(context, world);
  await context.save({
    IPAddress: addressOf(running, config) ?? '',
    PrivateIPAddress: running.privateAddress ?? '',
  });
}

/** Asks the guest to shut down; after five minutes the power is taken. */
export async function stopInstance(context: Ec2Context): Promise<void> {
  const world = await openWorld(context);
  const present = await settled(context, world);
  if (present === undefined) {
    return;
  }
  await halt(context, world, false);
  try {
    await waitUntilStopped(context, world);
  } catch (error) {
    context.signal.throwIfAborted();
    if (!(error instanceof MachineError) || error.code !== 'timeout') {
      throw error;
    }
    await halt(context, world, true);
    await waitUntilStopped(context, world);
  }
}

/** Takes the power. */
export async function killInstance(context: Ec2Context): Promise<void> {
  const world = await openWorld(context);
  if ((await settled(context, world)) !== undefined) {
    await halt(context, world, true);
    await waitUntilStopped(context, world);
  }
}

/** Restarts the guest, or starts an instance that does not run. */
export async function restartInstance(context: Ec2Context): Promise<void> {
  requireInstance(context);
  const world = await openWorld(context);
  const present = await findById(world.ec2, context.config.instanceId);
  if (present?.state === 'running') {
    await world.ec2.call('RebootInstances', { InstanceId: [context.config.instanceId] });
    return;
  }
  await startInstance(context);
}

/** The instance in a state in which it can be stopped; undefined when there is nothing to stop. */
async function settled(context: Ec2Context, world: Ec2World): Promise<Instance | undefined> {
  const { config } = context;
  const present = config.instanceId === '' ? undefined : await findById(world.ec2, config.instanceId);
  if (present === undefined || !isThere(present) || ['stopped', 'shutting-down'].includes(present.state)) {
    return undefined;
  }
  return present.state === 'pending' ? waitUntilRunning(context, world) : present;
}

async function halt({ config }: Ec2Context, { ec2 }: Ec2World, isForced: boolean): Promise<void> {
  try {
    await ec2.call('StopInstances', { InstanceId: [config.instanceId], Force: isForced ? true : undefined });
  } catch (error) {
    if (awsCode(error) !== 'UnsupportedOperation') {
      throw error;
    }
    // A spot instance that is asked for once.
    throw new MachineError('capability-missing', 'This instance cannot be stopped, only removed.', {
      why: error instanceof Error ? error.message : String(error),
      remedies: ['Remove the machine, or create it without --amazonec2-request-spot-instance.'],
      cause: error,
    });
  }
}

async function waitUntilStopped(context: Ec2Context, world: Ec2World): Promise<void> {
  await waitUntil(context, world, {
    what: `the instance of "${context.name}" to stop`,
    isReached: ({ state }) => state === 'stopped',
    timeoutMs: stopTimeoutMs,
  });
}

function requireInstance({ config, name }: Ec2Context): void {
  if (config.instanceId === '') {
    throw new MachineError('vm-start-failed', `The machine "${name}" has no instance.`, {
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
}
