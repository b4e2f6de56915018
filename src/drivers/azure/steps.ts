import { textField } from '../../cloud/json-fields.ts';
import { isMachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { Step } from '../driver.ts';
import { subscriptionPath } from './api/ids.ts';
import { chooseImage, chooseSize } from './choose.ts';
import { findOwn } from './find-machine.ts';
import { makeMachine } from './make-machine.ts';
import { ensureInterface, removeInterface } from './network.ts';
import { removeMachine } from './remove-machine.ts';
import { ensureSecurityGroup, removeSecurityGroup } from './security-group.ts';
import { ensureShared, removeUnusedShared, withShared } from './shared.ts';
import { openWorld, type AzureContext, type AzureWorld } from './world.ts';

const registrationTimeoutMs = 5 * 60_000;
const registrationIntervalMs = 5_000;

/** What makes a virtual machine, in order. Each can be run again after it was cut off anywhere. */
export function machineSteps(context: AzureContext): readonly Step[] {
  return [
    chooseStep(context),
    sharedStep(context),
    firewallStep(context),
    interfaceStep(context),
    machineStep(context),
  ];
}

function chooseStep(context: AzureContext): Step {
  return {
    name: 'azure-choose',
    summary: 'Choosing size and image',
    isRoutine: true,
    run: async () => {
      const { config } = context;
      const world = await openWorld(context);
      const size = await chooseSize(world.azure, config);
      const image = await chooseImage(world.azure, config, size);
      await requireProviders(context, world);
      await context.save({ Image: image, Size: size.name });
      return { size: size.name, image };
    },
  };
}

/** A subscription that never had a machine must first be told that it may. */
async function requireProviders(
  { config, host, signal }: AzureContext,
  { azure }: AzureWorld,
): Promise<void> {
  for (const provider of ['Microsoft.Compute', 'Microsoft.Network']) {
    const path = `${subscriptionPath(config.subscriptionId)}/providers/${provider}`;
    const isRegistered = async (): Promise<true | undefined> =>
      textField(await azure.get(path), 'registrationState') === 'Registered' ? true : undefined;
    try {
      if ((await isRegistered()) === true) {
        continue;
      }
      await azure.act(`${path}/register`);
    } catch (error) {
      if (!isMachineError(error) || error.code !== 'credentials-refused' || error.facts['status'] !== 403) {
        throw error;
      }
      // Somebody who may make machines need not be allowed to ask that. What follows tells.
      continue;
    }
    await waitFor(isRegistered, {
      clock: host.clock,
      timeoutMs: registrationTimeoutMs,
      intervalMs: registrationIntervalMs,
      signal,
      code: 'timeout',
      what: `the subscription to be registered for ${provider}`,
    });
  }
}

function sharedStep(context: AzureContext): Step {
  const { config } = context;
  return {
    name: 'azure-network',
    summary: 'Making sure of resource group and network',
    intent: () => ({ resourceGroup: config.resourceGroup, network: config.network, subnet: config.subnet }),
    run: async () => {
      const world = await openWorld(context);
      await world.provider.saveState({ isBegun: true });
      await ensureShared(context, world);
      return { resourceGroup: config.resourceGroup };
    },
    undo: async () => removeUnusedShared(context, await openWorld(context)),
  };
}

function firewallStep(context: AzureContext): Step {
  const { config, name } = context;
  return {
    name: 'azure-security-group',
    summary: 'Opening the ports in a security group',
    intent: () => ({
      securityGroup: config.securityGroup === '' ? `${name}-firewall` : config.securityGroup,
    }),
    run: async () => {
      const world = await openWorld(context);
      await withShared(context, world, { make: async () => ensureSecurityGroup(context, world) });
      return undefined;
    },
    undo: async () => removeSecurityGroup(context, await openWorld(context)),
  };
}

function interfaceStep(context: AzureContext): Step {
  const { name } = context;
  return {
    name: 'azure-interface',
    summary: 'Making address and network interface',
    intent: () => ({ networkInterface: `${name}-nic`, address: `${name}-ip` }),
    run: async () => {
      await ensureInterface(context, await openWorld(context));
      return undefined;
    },
    undo: async () => removeInterface(context, await openWorld(context)),
  };
}

function machineStep(context: AzureContext): Step {
  const { config, name } = context;
  return {
    name: 'azure-machine',
    summary: 'Making the virtual machine',
    intent: () => ({ virtualMachine: name, size: config.size, location: config.location }),
    done: async () => {
      const found = await findOwn(await openWorld(context));
      return /^succeeded$/i.test(found?.provisioning ?? '');
    },
    run: async () => {
      await makeMachine(context, await openWorld(context));
      return { virtualMachine: name };
    },
    undo: async () => removeMachine(context, await openWorld(context)),
  };
}
