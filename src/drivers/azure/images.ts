import { cloudStatus } from '../../cloud/json-api.ts';
import { imageTags, ownerTags, readImageTags } from '../../cloud/ownership.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import type { BakedImage, ImageMaker, ImageOrder } from '../images.ts';
import { generationOf, imageOf, type Image } from './api/answers.ts';
import type { Azure } from './api/azure.ts';
import { groupPath, listPath, parseId, pathOfId, resourcePath } from './api/ids.ts';
import { chooseSize, imageArchitecture } from './choose.ts';
import type { AzureConfig } from './config.ts';
import { imageBody } from './requests.ts';
import { alone, removeGroupIfEmpty } from './shared.ts';
import { isOwn, openForCheck, openWorld, type AzureContext, type AzureWorld } from './world.ts';

/**
 * Managed images of virtual machines, in the resource group of the machine. The group stays as long as one is in it, and goes
 * with the last one.
 */

const imageTimeoutMs = 60 * 60_000;
const firstIntervalMs = 5_000;
const intervalMaxMs = 30_000;

export const azureImages: ImageMaker<AzureConfig> = {
  requirePossible: async (context) => {
    const { name, architecture } = await chooseSize(openForCheck(context), context.config);
    if (architecture !== imageArchitecture) {
      throw new MachineError('capability-missing', `Azure makes no image of a machine of the size ${name}.`, {
        why: 'Its processor is one of ARM, and managed images are for those of Intel and AMD only.',
        remedies: ['Name another size with --azure-size.'],
      });
    }
  },
  make: async (context, order) => {
    const world = await openWorld(context);
    const { own, group } = world;
    const name = `${order.name}-${own.machineId.slice(0, 8)}`;
    // One machine has one name for its image: whoever asks again finds it.
    const path = resourcePath(group, 'images', name);
    const present = imageOf(await world.azure.get(path));
    if (present !== undefined && !isOwn(present, world)) {
      throw new MachineError('cloud-conflict', `There is an image ${name} in the resource group already.`, {
        why: `It is not of the machine ${own.machineId}.`,
      });
    }
    if (present === undefined || isFailed(present)) {
      if (present !== undefined) {
        await world.azure.remove(path);
      }
      await create(context, world, { path, order });
    }
    const { tags } = await waitUntilMade(context, world.azure, path);
    const baked = new Date(context.host.clock.nowMs()).toISOString();
    // All of them are written anew, so none may be left out.
    await world.azure.change(path, { tags: { ...tags, [ownerTags.baked]: baked } });
  },
  list: async (context, storeId) => listImages(openForCheck(context), context.config.subscriptionId, storeId),
  remove: async (context, { id }) => {
    const azure = openForCheck(context);
    const path = pathOfId(id);
    const owner = imageOf(await azure.get(path))?.tags[ownerTags.owner];
    await azure.remove(path);
    const group = parseId(id)?.group;
    if (owner !== undefined && group !== undefined) {
      const { subscriptionId } = context.config;
      await alone(context, async () => removeGroupIfEmpty(azure, groupPath(subscriptionId, group), owner));
    }
  },
};

/** Images of a store, also those that are not finished. */
export async function listImages(
  azure: Azure,
  subscriptionId: string,
  storeId: string,
): Promise<readonly BakedImage[]> {
  const images = (await azure.list(listPath(subscriptionId, 'images'))).map(imageOf);
  return images
    .filter((image) => image?.tags[ownerTags.owner] === storeId)
    .filter((image) => image !== undefined)
    .map(toBaked);
}

function toBaked({ id, location, tags, diskGiB }: Image): BakedImage {
  return {
    ...{ id, place: location, architecture: 'amd64' },
    ...readImageTags(tags),
    ...(diskGiB === undefined ? {} : { diskGiB }),
  };
}

function isFailed({ provisioning }: Image): boolean {
  return /^(?:failed|canceled|deleting)$/i.test(provisioning ?? '');
}

/** From then on the machine cannot be started any more. */
async function create(
  { config, host }: AzureContext,
  { azure, own, paths, state }: AzureWorld,
  { path, order }: { readonly path: string; readonly order: ImageOrder },
): Promise<void> {
  // Azure does not find out by itself on what the image boots.
  const disk = await azure.get(state.diskId === '' ? paths.disk : pathOfId(state.diskId));
  await azure.act(`${paths.virtualMachine}/generalize`);
  const tags = { ...config.tags, ...imageTags(own, order, host.clock.nowMs()) };
  const body = imageBody(config, tags, { sourceId: paths.virtualMachine, generation: generationOf(disk) });
  try {
    await azure.put(path, body);
  } catch (error) {
    // An earlier sending has made it, and the source of an image cannot be changed.
    const present = cloudStatus(error) === 409 ? imageOf(await azure.get(path)) : undefined;
    if (present?.tags[ownerTags.machine] !== own.machineId) {
      throw error;
    }
  }
}

/** One that an earlier command has begun is waited for, too. */
async function waitUntilMade(
  { host, signal }: Pick<AzureContext, 'host' | 'signal'>,
  azure: Azure,
  path: string,
): Promise<Image> {
  return waitFor(
    async () => {
      const image = imageOf(await azure.get(path));
      if (image === undefined || isFailed(image)) {
        throw new MachineError('cloud-refused', `Azure could not make the image ${path}.`, {
          why: image === undefined ? 'It is gone.' : `It is ${image.provisioning ?? 'failed'}.`,
        });
      }
      return /^succeeded$/i.test(image.provisioning ?? '') ? image : undefined;
    },
    {
      clock: host.clock,
      timeoutMs: imageTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the image ${path} to be made`,
    },
  );
}
