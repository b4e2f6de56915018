import { cloudCode, unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { placementGroupOf, type SharedThing } from './api/answers.ts';
import { isDuplicate, type Hetzner } from './api/hetzner.ts';
import { findNamed } from './choose.ts';
import { labelsOfStore, selector } from './labels.ts';
import { readState } from './state.ts';
import type { HetznerContext, HetznerWorld } from './world.ts';

/** Placement groups, with the names and labels of docker-machine-driver-hetzner: both use the same ones. */

const spreadName = 'Docker-Machine auto spread';
const spreadLabel = 'docker-machine/auto-spread';
const createdLabel = 'docker-machine/auto-created';
const path = '/placement_groups';

/** The group that the server is to be in: 0 for none. One that is not there is made. */
export async function ensurePlacementGroup(context: HetznerContext, world: HetznerWorld): Promise<number> {
  const { exclusively } = context;
  const { placementGroup, isAutoSpread } = world.state;
  if (placementGroup === '' && !isAutoSpread) {
    return 0;
  }
  const ensure = async (): Promise<number> => (await ensureGroup(context, world)).id;
  const groupId = await (exclusively === undefined ? ensure() : exclusively('placement-group', ensure));
  await world.provider.saveState({ groupId });
  return groupId;
}

async function ensureGroup(
  { host, signal }: HetznerContext,
  { hetzner, provider, state }: HetznerWorld,
): Promise<SharedThing> {
  const { storeId } = await provider.ownership();
  const { isAutoSpread, placementGroup } = state;
  const find = async (): Promise<SharedThing | undefined> =>
    isAutoSpread
      ? (await hetzner.list(path, { label_selector: selector(spreadLabel, 'true') }, placementGroupOf))[0]
      : findNamed(hetzner, path, placementGroup, placementGroupOf);
  const labels = {
    ...labelsOfStore(storeId, host.clock.nowMs()),
    ...(isAutoSpread ? { [spreadLabel]: 'true' } : {}),
    [createdLabel]: 'true',
  };
  try {
    return await makeOnce({
      find,
      make: async () => {
        await provider.saveState({ hasAskedGroup: true });
        const body = { name: isAutoSpread ? spreadName : placementGroup, type: 'spread', labels };
        return hetzner.ask({ method: 'POST', path, body }, (answer) =>
          placementGroupOf(field(answer, 'placement_group')),
        );
      },
      clock: host.clock,
      signal,
    });
  } catch (error) {
    const present = isDuplicate(error) ? await find() : undefined;
    if (present === undefined) {
      throw error;
    }
    return present;
  }
}

/**
 * Removes the machine's group, and what the store made, where it was made for machines and none is in it any more.
 * @param gone servers that are removed; they may be in their group for some seconds more.
 */
export async function removeUnusedGroups(
  context: HetznerContext,
  world: HetznerWorld,
  gone: readonly number[],
): Promise<void> {
  const { exclusively } = context;
  const { hetzner, provider } = world;
  const { groupId, hasAskedGroup } = readState(await provider.state());
  if (groupId === 0 && !hasAskedGroup) {
    return;
  }
  const { storeId } = await provider.ownership();
  const remove = async (): Promise<void> => {
    const query = { label_selector: selector(createdLabel, 'true') };
    for (const { id, labels, users } of await hetzner.list(path, query, placementGroupOf)) {
      const isOurs = id === groupId || labels[ownerTags.owner] === storeId;
      if (isOurs && users.every((user) => gone.includes(user))) {
        await deletePlacementGroup(hetzner, id);
      }
    }
  };
  await (exclusively === undefined ? remove() : exclusively('placement-group', remove));
  await provider.saveState({ hasAskedGroup: false, groupId: 0 });
}

/** Removes a group; one that is gone, or in use, is success. */
export async function deletePlacementGroup(hetzner: Hetzner, id: number): Promise<void> {
  try {
    await unlessMissing(() => hetzner.send({ method: 'DELETE', path: `${path}/${id}` }));
  } catch (error) {
    if (cloudCode(error) !== 'resource_in_use') {
      throw error;
    }
  }
}
