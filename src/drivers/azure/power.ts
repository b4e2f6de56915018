import { MachineError } from '../../core/errors.ts';
import type { VirtualMachine } from './api/answers.ts';
import { findAddress, findOwn, waitUntil } from './find-machine.ts';
import { openWorld, type AzureContext, type AzureWorld } from './world.ts';

/** Starting and stopping. "Already so" is success. */

/** States in which a machine stays until somebody does something. */
const offStates: ReadonlySet<string | undefined> = new Set(['stopped', 'deallocated']);
const changing: ReadonlySet<string | undefined> = new Set([
  undefined,
  'unknown',
  'starting',
  'stopping',
  'deallocating',
]);

/** Starts it and returns when it runs and has an address. */
export async function startMachine(context: AzureContext): Promise<void> {
  const { name, signal, config } = context;
  signal.throwIfAborted();
  const world = await openWorld(context);
  const present = await waitUntil(context, world, {
    what: `the virtual machine of "${name}" to be startable`,
    isReached: ({ power }) => power !== 'stopping' && power !== 'deallocating',
  });
  if (offStates.has(present.power)) {
    await world.azure.act(`${world.paths.virtualMachine}/start`);
  }
  await waitUntil(context, world, {
    what: `the virtual machine of "${name}" to run`,
    isReached: ({ power }) => power === 'running',
  });
  const address = await findAddress(world, config);
  if (address === undefined) {
    throw new MachineError('vm-start-failed', `The virtual machine of "${name}" has no address.`, {
      remedies: config.usesPrivateAddress ? [] : ['Reach it by its private one: --azure-use-private-ip'],
    });
  }
  await context.save({ IPAddress: address });
}

/** Shuts the guest down and gives the hardware back: a machine that is only off still costs. */
export async function stopMachine(context: AzureContext): Promise<void> {
  const world = await openWorld(context);
  const present = await settled(context, world);
  if (present !== undefined && present.power !== 'deallocated') {
    await world.azure.act(`${world.paths.virtualMachine}/deallocate`);
    await waitUntil(context, world, {
      what: `the virtual machine of "${context.name}" to stop`,
      isReached: ({ power }) => power === 'deallocated',
    });
  }
}

/** Takes the power. */
export async function killMachine(context: AzureContext): Promise<void> {
  const world = await openWorld(context);
  const present = await settled(context, world);
  if (present !== undefined && !offStates.has(present.power)) {
    await world.azure.act(`${world.paths.virtualMachine}/powerOff`, { skipShutdown: true });
    await waitUntil(context, world, {
      what: `the virtual machine of "${context.name}" to stop`,
      isReached: ({ power }) => offStates.has(power),
    });
  }
}

/** Restarts the guest, or starts a machine that does not run. */
export async function restartMachine(context: AzureContext): Promise<void> {
  const world = await openWorld(context);
  if ((await findOwn(world))?.power === 'running') {
    await world.azure.act(`${world.paths.virtualMachine}/restart`);
    return;
  }
  await startMachine(context);
}

/** The machine in a state in which it can be stopped; undefined when there is none. */
async function settled(context: AzureContext, world: AzureWorld): Promise<VirtualMachine | undefined> {
  const present = await findOwn(world);
  if (present === undefined || !changing.has(present.power)) {
    return present;
  }
  return waitUntil(context, world, {
    what: `the virtual machine of "${context.name}" to come to rest`,
    isReached: ({ power }) => !changing.has(power),
  });
}
