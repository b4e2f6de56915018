import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverStatus, PowerState } from '../driver.ts';
import { hostEndpoints } from '../host-endpoints.ts';
import {
  resourceOf,
  publicAddressOf,
  privateAddressOf,
  virtualMachineOf,
  type VirtualMachine,
} from './api/answers.ts';
import { listPath } from './api/ids.ts';
import { sshPort, type AzureConfig } from './config.ts';
import { findAddress, findByName } from './find-machine.ts';
import { isOwn, openWorld, type AzureContext, type AzureWorld } from './world.ts';

const powerStates: Readonly<Record<string, PowerState>> = {
  starting: 'starting',
  running: 'running',
  stopping: 'stopping',
  stopped: 'stopped',
  deallocating: 'stopping',
  deallocated: 'stopped',
};

/** How the machine is, from Azure. What Azure does not tell is an error state with the reason. */
export async function inspectMachine(context: AzureContext): Promise<DriverStatus> {
  const { config, signal, name } = context;
  try {
    const world = await openWorld(context);
    if (isNothingThere(world)) {
      return { power: 'absent', detail: 'it has no virtual machine yet' };
    }
    const found = await findByName(world);
    if (found === undefined || !isOwn(found, world)) {
      return gone(name);
    }
    const address = found.power === 'running' ? await findAddress(world, config) : undefined;
    return statusOf(found, config, address);
  } catch (error) {
    signal.throwIfAborted();
    return failed(error);
  }
}

/** Many machines: one list of them and one of addresses a subscription. */
export async function inspectMachines(contexts: readonly AzureContext[]): Promise<readonly DriverStatus[]> {
  const statuses = new Map<AzureContext, DriverStatus>();
  const places = new Map<string, { readonly context: AzureContext; readonly world: AzureWorld }[]>();
  for (const context of contexts) {
    try {
      const world = await openWorld(context);
      const key = JSON.stringify([
        ...[context.config.environment, context.config.subscriptionId.toLowerCase(), world.state.endpoint],
        ...[context.config.clientId, context.config.tenantId, world.state.certificatePath],
      ]);
      places.set(key, [...(places.get(key) ?? []), { context, world }]);
    } catch (error) {
      context.signal.throwIfAborted();
      statuses.set(context, failed(error));
    }
  }
  await Promise.all(
    [...places.values()].map(async (machines) => {
      for (const [context, status] of await inspectPlace(machines)) {
        statuses.set(context, status);
      }
    }),
  );
  return contexts.map((context) => statuses.get(context) ?? gone(context.name));
}

type Placed = { readonly context: AzureContext; readonly world: AzureWorld };

async function inspectPlace(machines: readonly Placed[]): Promise<readonly [AzureContext, DriverStatus][]> {
  const [first] = machines;
  if (first === undefined) {
    return [];
  }
  const { azure } = first.world;
  const { subscriptionId } = first.context.config;
  try {
    const found = byId(
      // States of all machines in one answer; it leaves out most of the rest.
      await azure.list(listPath(subscriptionId, 'virtualMachines'), { statusOnly: true }),
    );
    const kinds = { isPublic: machines.some(isPublic), isPrivate: machines.some((one) => !isPublic(one)) };
    const addresses = new Map([
      ...(kinds.isPublic ? byId(await azure.list(listPath(subscriptionId, 'publicIPAddresses'))) : []),
      ...(kinds.isPrivate ? byId(await azure.list(listPath(subscriptionId, 'networkInterfaces'))) : []),
    ]);
    return machines.map(({ context, world }): [AzureContext, DriverStatus] => {
      const { config, name } = context;
      if (isNothingThere(world)) {
        return [context, { power: 'absent', detail: 'it has no virtual machine yet' }];
      }
      const machine = virtualMachineOf(found.get(world.paths.virtualMachine.toLowerCase()));
      if (machine === undefined || (machine.hasTags && !isOwn(machine, world))) {
        return [context, gone(name)];
      }
      const address = config.usesPrivateAddress
        ? privateAddressOf(addresses.get(world.paths.networkInterface.toLowerCase()))
        : publicAddressOf(addresses.get(world.paths.address.toLowerCase()));
      return [context, statusOf(machine, config, address)];
    });
  } catch (error) {
    first.context.signal.throwIfAborted();
    return machines.map(({ context }): [AzureContext, DriverStatus] => [context, failed(error)]);
  }
}

function isPublic({ context: { config } }: Placed): boolean {
  return !config.usesPrivateAddress;
}

function byId(items: readonly unknown[]): Map<string, unknown> {
  return new Map(items.map((item) => [resourceOf(item)?.id.toLowerCase() ?? '', item]));
}

function isNothingThere({ state }: AzureWorld): boolean {
  return state.isMadeHere && !state.isMachineAsked;
}

function gone(name: string): DriverStatus {
  return { power: 'absent', detail: `Azure knows no virtual machine of "${name}"` };
}

function failed(error: unknown): DriverStatus {
  const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
  return { power: 'error', detail: `${messageOf(error)}${why}` };
}

/** The status of a virtual machine as Azure tells it. */
export function statusOf(
  machine: VirtualMachine,
  config: AzureConfig,
  address: string | undefined,
): DriverStatus {
  const { power: state, provisioning = '' } = machine;
  const power =
    (state === undefined ? undefined : powerStates[state]) ??
    (/^(?:creating|updating)$/i.test(provisioning) ? 'starting' : 'error');
  if (power !== 'running') {
    const why = machine.trouble === undefined ? '' : `: ${machine.trouble}`;
    return { power, detail: `the virtual machine is ${state ?? provisioning}${why}` };
  }
  const { sshUser, enginePort } = config;
  return {
    power,
    ...(address === undefined ? {} : hostEndpoints(address, { sshPort, sshUser, engineTcpPort: enginePort })),
  };
}

/** The address of the last start, without asking anybody. */
export function recallStatus(config: AzureConfig): DriverStatus | undefined {
  const { address, sshUser, enginePort } = config;
  return address === ''
    ? undefined
    : { power: 'running', ...hostEndpoints(address, { sshPort, sshUser, engineTcpPort: enginePort }) };
}
