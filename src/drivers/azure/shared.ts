import { ownerTags, sharedTags } from '../../cloud/ownership.ts';
import { listField, textField } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { hasMachines, isInUse, resourceOf } from './api/answers.ts';
import { isInUseError, isMissingReference } from './api/gone.ts';
import { groupPath, listPathIn, resourcePath, splitNetwork } from './api/ids.ts';
import { plainLocation } from './choose.ts';
import type { AzureConfig } from './config.ts';
import { availabilitySetBody, networkBody, subnetBody } from './requests.ts';
import type { AzureContext, AzureWorld } from './world.ts';

/** What machines share: resource group, network with subnet, availability set. Made where absent, removed when unused. */

const repairsMax = 5;
const repairPauseMs = 3_000;

/** Path of the network. */
export function networkPath({ network, resourceGroup, subscriptionId }: AzureConfig): string {
  const { group, name } = splitNetwork(network, resourceGroup);
  return resourcePath(groupPath(subscriptionId, group), 'virtualNetworks', name);
}

/** Path of the subnet. */
export function subnetPath(config: AzureConfig): string {
  return `${networkPath(config)}/subnets/${encodeURIComponent(config.subnet)}`;
}

/** Path of the availability set; undefined for a machine without one. */
export function availabilitySetPath(config: AzureConfig): string | undefined {
  const { availabilitySet, subscriptionId, resourceGroup } = config;
  return availabilitySet === ''
    ? undefined
    : resourcePath(groupPath(subscriptionId, resourceGroup), 'availabilitySets', availabilitySet);
}

/** Sees to it that they are there. What is there already is used as it is. */
export async function ensureShared(context: AzureContext, world: AzureWorld): Promise<void> {
  const { config, host } = context;
  const { azure, group, own } = world;
  const tags = sharedTags(own.storeId, host.clock.nowMs());
  await alone(context, async () => {
    if ((await azure.get(group)) === undefined) {
      await azure.put(group, { location: config.location, tags });
    }
    await ensureNetwork(context, world, tags);
    const set = availabilitySetPath(config);
    if (set !== undefined && (await azure.get(set)) === undefined) {
      await azure.put(set, availabilitySetBody(config, tags));
    }
  });
}

async function ensureNetwork(
  { config }: AzureContext,
  { azure, own, provider }: AzureWorld,
  tags: Readonly<Record<string, string>>,
): Promise<void> {
  const path = networkPath(config);
  const present = await azure.get(path);
  if (present === undefined) {
    await azure.put(path, networkBody(config, tags));
    return;
  }
  requireSamePlace(config, textField(present, 'location') ?? '');
  const isThere = listField(present, 'properties', 'subnets').some(
    (subnet) => textField(subnet, 'name')?.toLowerCase() === config.subnet.toLowerCase(),
  );
  if (!isThere) {
    if (resourceOf(present)?.tags[ownerTags.owner] !== own.storeId) {
      // A subnet has no tags. That of a network of ours goes with it.
      await provider.saveState({ hasOwnSubnet: true });
    }
    await azure.put(subnetPath(config), subnetBody(config));
  }
}

/** @throws MachineError `cloud-conflict` for a network in another region, which no machine here can join. */
export function requireSamePlace(config: AzureConfig, location: string): void {
  if (location !== '' && plainLocation(location) !== plainLocation(config.location)) {
    throw new MachineError(
      'cloud-conflict',
      `The network ${config.network} is in ${location}, the machine is to be in ${config.location}.`,
      { remedies: ['Name another network with --azure-vnet, or another group with --azure-resource-group.'] },
    );
  }
}

/**
 * Makes something that needs what is shared. It may have been removed in the meantime with the last machine that used it:
 * then it is made again, together with what `repair` makes.
 */
export async function withShared<T>(
  context: AzureContext,
  world: AzureWorld,
  { make, repair }: { readonly make: () => Promise<T>; readonly repair?: () => Promise<unknown> },
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await make();
    } catch (error) {
      if (!isMissingReference(error) || attempt >= repairsMax) {
        throw error;
      }
    }
    await context.host.clock.sleep(repairPauseMs, context.signal);
    await ensureShared(context, world);
    await repair?.();
  }
}

/** Removes what is this store's and nothing uses any more. */
export async function removeUnusedShared(context: AzureContext, world: AzureWorld): Promise<void> {
  const { config } = context;
  const { azure, group, own, state } = world;
  await alone(context, async () => {
    const set = availabilitySetPath(config);
    await removeIf(world, set, (value) => isOfStore(value, own.storeId) && !hasMachines(value));
    await removeIf(world, networkPath(config), (value) => isOfStore(value, own.storeId) && !isInUse(value));
    if (state.hasOwnSubnet) {
      await removeIf(world, subnetPath(config), (value) => !isInUse(value));
    }
    await removeGroupIfEmpty(azure, group, own.storeId);
  });
}

/**
 * A group of the store's with nothing in it. Whatever lies in it would be removed with it, and the list of all that does may be
 * some minutes behind: images, which stay when the last machine goes, are asked for at their provider.
 */
export async function removeGroupIfEmpty(
  azure: AzureWorld['azure'],
  group: string,
  storeId: string,
): Promise<void> {
  const present = await azure.get(group);
  if (
    present !== undefined &&
    isOfStore(present, storeId) &&
    (await azure.list(`${group}/resources`)).length === 0 &&
    (await azure.list(listPathIn(group, 'images'))).length === 0
  ) {
    await azure.remove(group);
  }
}

/** Removes something unless it is used after all. */
export async function removeIf(
  { azure }: Pick<AzureWorld, 'azure'>,
  path: string | undefined,
  isWanted: (value: unknown) => boolean,
): Promise<void> {
  const present = path === undefined ? undefined : await azure.get(path);
  if (path === undefined || present === undefined || !isWanted(present)) {
    return;
  }
  try {
    await azure.remove(path);
  } catch (error) {
    if (!isInUseError(error)) {
      throw error;
    }
  }
}

/** True for what this store made for its machines. */
export function isOfStore(value: unknown, storeId: string): boolean {
  return resourceOf(value)?.tags[ownerTags.owner] === storeId;
}

/** Not at once with another create or removal of this store. */
export async function alone(
  { exclusively }: Pick<AzureContext, 'exclusively'>,
  action: () => Promise<void>,
): Promise<void> {
  await (exclusively === undefined ? action() : exclusively('shared', action));
}
