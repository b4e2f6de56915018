import { textField } from '../../cloud/json-fields.ts';
import { ownerTags, readTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import type { CheckContext } from '../driver.ts';
import { unfinishedImages } from '../images.ts';
import type { OwnedKind, OwnedResource } from '../owned.ts';
import { hasMachines, isInUse, resourceOf, type Resource } from './api/answers.ts';
import {
  groupPath,
  isSameId,
  listPath,
  parseId,
  pathOfId,
  subscriptionPath,
  type ResourceType,
} from './api/ids.ts';
import type { AzureConfig } from './config.ts';
import { listImages } from './images.ts';
import { removeGroupIfEmpty, removeIf } from './shared.ts';
import { openForCheck } from './world.ts';

/** What carries the mark of a store in a subscription. */

const kinds: Readonly<Record<Exclude<ResourceType, 'images'>, OwnedKind>> = {
  virtualMachines: 'instance',
  disks: 'disk',
  networkInterfaces: 'network-interface',
  publicIPAddresses: 'address',
  networkSecurityGroups: 'firewall',
  availabilitySets: 'placement-group',
  virtualNetworks: 'network',
};

/** Lists of the providers, which are true at any moment; the list of all resources may be some minutes behind. */
export async function listOwned(
  context: CheckContext<AzureConfig>,
  storeId: string,
): Promise<readonly OwnedResource[]> {
  const azure = openForCheck(context);
  const { subscriptionId } = context.config;
  const found: OwnedResource[] = [];
  const add = (kind: OwnedKind, items: readonly unknown[]): void => {
    found.push(
      ...items
        .map(resourceOf)
        .filter((resource) => resource !== undefined)
        .filter(({ tags }) => tags[ownerTags.owner] === storeId)
        .map((resource) => ownedOf(kind, resource)),
    );
  };
  for (const [type, kind] of Object.entries(kinds) as [keyof typeof kinds, OwnedKind][]) {
    add(kind, await azure.list(listPath(subscriptionId, type)));
  }
  const mark = `tagName eq '${ownerTags.owner}' and tagValue eq '${storeId}'`;
  const images = await listImages(azure, subscriptionId, storeId);
  found.push(...unfinishedImages(images));
  const groups = await azure.list(`${subscriptionPath(subscriptionId)}/resourcegroups`, { $filter: mark });
  // A group in which an image is kept is used.
  const kept = images.filter(({ isFinished }) => isFinished).map(({ id }) => parseId(id)?.group ?? '');
  add(
    'group',
    groups.filter((group) => !kept.some((name) => isSameId(name, textField(group, 'name') ?? ''))),
  );
  return found;
}

function ownedOf(kind: OwnedKind, { id, name, location, tags }: Resource): OwnedResource {
  return { kind, id, name, place: location, ...readTags(tags) };
}

/** Removes one of them. What machines share stays while one of them uses it. */
export async function removeOwned(
  context: CheckContext<AzureConfig>,
  resource: OwnedResource,
): Promise<void> {
  const azure = openForCheck(context);
  const { id, kind } = resource;
  const parsed = parseId(id);
  if (parsed === undefined) {
    throw new MachineError('bug', `This is no id of Azure: ${JSON.stringify(id)}`);
  }
  if (kind === 'group') {
    const group = groupPath(context.config.subscriptionId, parsed.group);
    const owner = resourceOf(await azure.get(group))?.tags[ownerTags.owner];
    if (owner !== undefined) {
      await removeGroupIfEmpty(azure, group, owner);
    }
    return;
  }
  if (kind === 'instance') {
    await azure.remove(pathOfId(id), { forceDeletion: true });
    return;
  }
  await removeIf(
    { azure },
    pathOfId(id),
    (value) => (kind !== 'network' || !isInUse(value)) && (kind !== 'placement-group' || !hasMachines(value)),
  );
}
